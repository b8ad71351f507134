#!/usr/bin/env bash
# The Docker engine: engine.sh start | stop.
#
# start: does nothing where an engine answers. Else, as root on Debian, installs docker.io and starts dockerd, with its
# data in the cache, and writes down in $STATE what it changed. A machine that withholds CAP_SYS_RESOURCE gets
# runc-capped as its runtime.
# stop: ends an engine that `start` started, and only that one, and undoes what the engine and we changed on the machine:
# mounts, bridges, firewall rules, kernel settings, control groups. Its images stay in the cache.
set -euo pipefail
# shellcheck source=settings.sh
. "$(dirname "${BASH_SOURCE[0]}")/settings.sh"

STATE=/run/shapebench-engine
SOCKET=/var/run/docker.sock
CGROUPS=/sys/fs/cgroup
# Kernel settings and what they must be at least: dockerd sets the first itself; three systemds, containerds and kubelets
# use more than the usual 128 inotify instances.
SYSCTLS=(net.ipv4.ip_forward=1 fs.inotify.max_user_instances=1024)

# can_hold_overlays DIR: whether layers can lie in this folder. Not on every file system; without, dockerd falls back to
# copying every layer whole, which fills disks.
can_hold_overlays() {
  local dir=$1/overlay-test.$$ ok=1
  mkdir -p "$dir"/{lower,upper,work,merged} || return 1
  mount -t overlay overlay -o "lowerdir=$dir/lower,upperdir=$dir/upper,workdir=$dir/work" "$dir/merged" 2>/dev/null && ok=0
  [ $ok = 1 ] || umount "$dir/merged"
  rm -rf "$dir"
  return $ok
}

# data_root: the first place that can hold layers.
data_root() {
  local dir
  for dir in "$SHAPEBENCH_CACHE/engine" /var/lib/shapebench-engine "${TMPDIR:-/tmp}/shapebench-engine"; do
    can_hold_overlays "$dir" && echo "$dir" && return
  done
  fail "no folder here can hold overlay layers: start a Docker engine yourself, then try again"
}

# remember_machine: writes down what `stop` has to put back.
remember_machine() {
  local setting name
  mkdir -p "$STATE"
  iptables -S FORWARD 2>/dev/null | sed -n 's/^-P FORWARD //p' >"$STATE/forward-policy"
  : >"$STATE/sysctl"
  for setting in "${SYSCTLS[@]}"; do
    name=${setting%%=*}
    echo "$name=$(sysctl -n "$name")" >>"$STATE/sysctl"
    [ "$(sysctl -n "$name")" -ge "${setting##*=}" ] || sysctl -q -w "$setting" || say "could not set $setting"
  done
}

start() {
  if command -v docker >/dev/null && engine_answers; then return; fi
  [ -z "${DOCKER_HOST:-}" ] || fail "no Docker engine answers at DOCKER_HOST=$DOCKER_HOST"
  [ "$(id -u)" = 0 ] || fail "no Docker engine answers (docker info). Start one, or run this as root to have one started"
  need dockerd=docker.io docker=docker.io iptables=iptables jq=jq zstd=zstd ip=iproute2 sysctl=procps
  # Where there is systemd, the package starts its engine by itself; that one is the machine's, not ours.
  ! engine_answers || return 0
  [ ! -e "$STATE/pid" ] || stop
  say "starting a Docker engine"
  remember_machine
  local root runtime=() mtu
  root=$(data_root)
  echo "$root" >"$STATE/data-root"
  if lacks_cap_sys_resource; then
    install -m 755 "$HACK/kind/node/runc-capped" "$STATE/runc-capped"
    runtime=(--add-runtime "capped=$STATE/runc-capped" --default-runtime capped)
  fi
  # The bridges must not promise larger packets than the way out carries.
  mtu=$(ip -o link show "$(ip route show default | sed -n 's/.* dev \([^ ]*\).*/\1/p' | head -n1)" 2>/dev/null |
    sed -n 's/.* mtu \([0-9]*\).*/\1/p')
  # 9>&-: the engine must not hold our lock for as long as it lives.
  setsid dockerd --host "unix://$SOCKET" --data-root "$root" --exec-root "$STATE/exec" --pidfile "$STATE/pid" \
    --storage-driver overlay2 --mtu "${mtu:-1500}" "${runtime[@]}" >"$STATE/log" 2>&1 9>&- </dev/null &
  for _ in $(seq 120); do
    engine_answers && return
    kill -0 $! 2>/dev/null || break
    sleep 0.5
  done
  tail -n 20 "$STATE/log" >&2
  fail "dockerd did not start; its log: $STATE/log"
}

# ended PID SECONDS: whether the process is gone within that time.
ended() {
  local _
  for _ in $(seq $(($2 * 5))); do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.2
  done
  return 1
}

stop_process() {
  local pid
  pid=$(cat "$1" 2>/dev/null) && [ -e "/proc/$pid" ] || return 0
  # A pid file may outlive its process, and the number be another's by now.
  [[ $(readlink "/proc/$pid/exe") == */"$2" ]] || return 0
  kill -TERM "$pid"
  ended "$pid" 40 || kill -KILL "$pid" || true
  ended "$pid" 5 || fail "$2 (process $pid) does not end"
}

# container_ids: what our engine has in its data: containers, and the steps of builds.
container_ids() {
  local root
  root=$(cat "$STATE/data-root" 2>/dev/null) || return 0
  find "$root/containers" "$root/buildkit/executor" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' 2>/dev/null |
    grep -xE '[0-9a-z]{25,}' || true
}

# lineage: this process and those above it.
lineage() {
  local pid=$$
  while [ "${pid:-0}" -gt 0 ]; do
    echo "$pid"
    pid=$(awk '$1 == "PPid:" { print $2 }' "/proc/$pid/status" 2>/dev/null || true)
  done
}

# orphans: the processes of our engine's containers, and the shims that watch over them. By the containers' ids, because
# the control groups of a host may be in sight, with its containers and the one that we are in. A process of another pid
# namespace reads as 0, which to kill would be all of us.
orphans() {
  {
    find "$CGROUPS" -name cgroup.procs 2>/dev/null | grep -F -f <(container_ids) | xargs -r cat 2>/dev/null
    pgrep -f -- "^[^ ]*containerd-shim[^ ]* .*-address $STATE/exec/containerd/"
  } | sort -un | grep -vxF -e 0 -f <(lineage)
}

# end_orphans: an engine that was killed leaves its containers running.
end_orphans() {
  local _ pids
  for _ in $(seq 20); do
    pids=$(orphans || true)
    [ -n "$pids" ] || return 0
    # shellcheck disable=SC2086  # one word per process
    kill -KILL $pids 2>/dev/null || true
    sleep 0.5
  done
  fail "processes of containers do not end: ${pids//$'\n'/ }"
}

unmount_below() {
  local point
  awk -v dir="$1/" 'index($2, dir) == 1 || $2 "/" == dir { print $2 }' /proc/mounts | sort -r |
    while read -r point; do umount "$point" || umount -l "$point"; done
}

restore_machine() {
  local table policy setting
  for link in $(ip -o link show type bridge | awk -F': ' '$2 == "docker0" || $2 ~ /^br-[0-9a-f]{12}$/ { print $2 }'); do
    ip link delete "$link"
  done
  # Only what names Docker's chains and bridges goes; rules that somebody else made meanwhile stay.
  for table in iptables ip6tables; do
    "$table-save" 2>/dev/null | grep -vE 'DOCKER|docker0|br-[0-9a-f]{12}' | "$table-restore" || true
  done
  policy=$(cat "$STATE/forward-policy" 2>/dev/null) && [ -n "$policy" ] && iptables -P FORWARD "$policy"
  while read -r setting; do sysctl -q -w "$setting" || true; done <"$STATE/sysctl"
  # Depth first: a control group can go when it has no children.
  find "$CGROUPS" -depth -type d -path '*/docker*' -exec rmdir {} + 2>/dev/null || true
}

stop() {
  if [ ! -e "$STATE" ]; then
    say "no Docker engine of ours runs here: none is stopped"
    return
  fi
  say "stopping the Docker engine"
  stop_process "$STATE/pid" dockerd
  stop_process "$STATE/exec/containerd/containerd.pid" containerd
  end_orphans
  # Without the file nothing was mounted yet; and without a folder this would be about every mount there is.
  [ ! -s "$STATE/data-root" ] || unmount_below "$(cat "$STATE/data-root")"
  unmount_below "$STATE"
  restore_machine
  rmdir /var/run/docker/plugins /var/run/docker 2>/dev/null || true
  rm -rf "$STATE" "$SOCKET"
}

only_one_at_a_time
case ${1:-} in
  start) start ;;
  stop) stop ;;
  *) fail "usage: engine.sh start | stop" ;;
esac
