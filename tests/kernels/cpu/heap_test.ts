import assert from "node:assert/strict";
import { Heap, MAX_PIECE_BYTES } from "../../../kernels/cpu/heap.ts";
import { DeviceError, PLACE_ALIGNMENT } from "../../../kernels/engine.ts";

Deno.test("Heap.allocate() gives aligned pieces that do not overlap", () => {
  const heap = new Heap();
  const pieces = [1, 256, 257, 100000, 4].map((bytes) => ({
    bytes,
    address: heap.allocate(bytes),
  }));
  for (const { address, bytes } of pieces) {
    assert.equal(address % PLACE_ALIGNMENT, 0);
    assert.ok(address + bytes <= heap.memory.buffer.byteLength);
    for (const other of pieces) {
      if (other.address <= address) continue;
      assert.ok(address + bytes <= other.address);
    }
  }
});

Deno.test("Heap.free() joins neighbours whatever the order", () => {
  const heap = new Heap();
  const pieces = Array.from({ length: 5 }, () => heap.allocate(10000));
  const size = heap.memory.buffer.byteLength;
  for (const index of [1, 3, 0, 4, 2]) heap.free(pieces[index]);
  assert.equal(heap.usedBytes, 0);
  assert.equal(heap.allocate(5 * 10000), pieces[0]);
  assert.equal(heap.memory.buffer.byteLength, size);
});

Deno.test("Heap.free() ignores what is not a piece", () => {
  const heap = new Heap();
  const piece = heap.allocate(1000);
  heap.free(piece + 256);
  heap.free(piece);
  heap.free(piece);
  assert.notEqual(heap.allocate(1000), heap.allocate(1000));
});

Deno.test("Heap keeps the content of pieces when it grows", () => {
  const heap = new Heap();
  const piece = heap.allocate(1024);
  heap.bytes(piece, 1024).fill(7);
  heap.allocate(50_000_000);
  assert.ok(heap.bytes(piece, 1024).every((byte) => byte === 7));
});

Deno.test("Heap.allocate() refuses more than 32-bit addresses reach", () => {
  const heap = new Heap();
  assert.throws(() => heap.allocate(MAX_PIECE_BYTES + 1), DeviceError);
  assert.notEqual(heap.allocate(1000), 0);
});
