#!/usr/bin/env bash
# A throwaway Slurm cluster of one node on this machine: its own folder, key,
# sockets and ports. Runs as root, without systemd and without cgroups.
#
#   cluster.sh start FOLDER    prints what to export: SLURM_CONF=…
#   cluster.sh stop FOLDER
set -euo pipefail

folder=$(realpath -m "$2")

start() {
  mkdir -p "$folder"/{munge,state,spool,log}
  chmod 755 "$folder"
  chmod 700 "$folder/munge"
  head -c 128 /dev/urandom >"$folder/munge/key"
  chmod 400 "$folder/munge/key"

  # The sockets' folder must be open to all, else munged refuses it.
  mkdir -p "$folder/run"
  chmod 755 "$folder/run"
  munged --force \
    --key-file="$folder/munge/key" \
    --socket="$folder/run/munge" \
    --pid-file="$folder/run/munged.pid" \
    --log-file="$folder/log/munged.log" \
    --seed-file="$folder/munge/seed"

  local name port
  name=$(hostname -s)
  port=$(shuf -i 20000-29000 -n 1)
  cat >"$folder/slurm.conf" <<CONF
ClusterName=alore
SlurmctldHost=$name(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$folder/run/munge,cred_expire=5
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/run/slurmctld.pid
SlurmdPidFile=$folder/run/slurmd.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
KillWait=5
MinJobAge=600
NodeName=$name NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=all Nodes=$name Default=YES MaxTime=60 OverSubscribe=FORCE:2 State=UP
CONF
  export SLURM_CONF="$folder/slurm.conf"
  slurmctld
  slurmd
  for _ in $(seq 100); do
    if [ "$(sinfo -h -o %T 2>/dev/null)" = idle ]; then
      echo "SLURM_CONF=$SLURM_CONF"
      return
    fi
    sleep 0.2
  done
  echo "The node did not come up:" >&2
  tail -n 20 "$folder"/log/*.log >&2
  return 1
}

stop() {
  for daemon in slurmd slurmctld munged; do
    local file="$folder/run/$daemon.pid"
    [ -f "$file" ] && kill "$(cat "$file")" 2>/dev/null || true
  done
  # They write their last state before they go.
  for _ in $(seq 50); do
    ls "$folder"/run/*.pid >/dev/null 2>&1 || return 0
    sleep 0.1
  done
}

case "$1" in
  start) start ;;
  stop) stop ;;
  *) echo "usage: cluster.sh start|stop FOLDER" >&2; exit 2 ;;
esac
