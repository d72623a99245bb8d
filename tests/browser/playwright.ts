import fs from "node:fs";
import type { BrowserType } from "playwright-core";

/**
 * Loads playwright, which looks at a file of /proc to tell whether it runs under
 * Windows; Deno shows that one only to programs with every permission.
 */
export async function loadPlaywright(): Promise<BrowserType> {
  const { existsSync } = fs;
  fs.existsSync = (path) => {
    try {
      return existsSync(path);
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) return false;
      throw error;
    }
  };
  try {
    return (await import("playwright-core")).chromium;
  } finally {
    fs.existsSync = existsSync;
  }
}
