#!/usr/bin/env bash
# The pods' network of a cluster made from our own node image, where kind's network plug-in (an image in a registry) is
# not to be had. Safe to repeat: a node that was restarted gets its routes back.
#
# All nodes are in one Ethernet segment, so it takes little: on each node the standard `ptp` plug-in for the node's own
# range of addresses, and a route to every other node's range. What leaves the cluster takes the node's address; traffic
# between pods keeps theirs, as Kubernetes demands.
set -euo pipefail
# shellcheck source=settings.sh
. "$(dirname "${BASH_SOURCE[0]}")/settings.sh"

# Runs in a node: its pod range, then "range address" of every other node.
# shellcheck disable=SC2016  # expanded in the node
configure='
set -euo pipefail
range=$1
shift
mtu=$(cat /sys/class/net/eth0/mtu)
cat >/etc/cni/net.d/.10-ptp.new <<CONFIG
{"cniVersion": "0.4.0", "name": "pods", "plugins": [
  {"type": "ptp", "mtu": $mtu, "ipMasq": false,
   "ipam": {"type": "host-local", "dataDir": "/run/cni-ipam-state", "routes": [{"dst": "0.0.0.0/0"}],
            "ranges": [[{"subnet": "$range"}]]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
CONFIG
mv /etc/cni/net.d/.10-ptp.new /etc/cni/net.d/10-ptp.conflist
while [ $# -gt 0 ]; do
  ip route replace "$1" via "$2"
  shift 2
done
iptables -t nat -N SHAPEBENCH-OUT 2>/dev/null || iptables -t nat -F SHAPEBENCH-OUT
for inside in 10.244.0.0/16 $(ip -o -4 route show dev eth0 scope link | cut -d" " -f1); do
  iptables -t nat -A SHAPEBENCH-OUT -d "$inside" -j RETURN
done
iptables -t nat -A SHAPEBENCH-OUT -j MASQUERADE
iptables -t nat -C POSTROUTING -s "$range" -j SHAPEBENCH-OUT 2>/dev/null ||
  iptables -t nat -A POSTROUTING -s "$range" -j SHAPEBENCH-OUT
'

# Ranges are Kubernetes' to tell, addresses the engine's: after a restart it may have given others.
nodes=$("$KIND_BIN/kubectl" get nodes -o jsonpath='{range .items[*]}{.metadata.name} {.spec.podCIDR}{"\n"}{end}' |
  while read -r node range; do
    echo "$node $range $(docker inspect -f '{{.NetworkSettings.Networks.kind.IPAddress}}' "$node" </dev/null)"
  done)
while read -r node range _; do
  [ -n "$range" ] || fail "node $node has no pod range yet"
  mapfile -t others < <(awk -v node="$node" '$1 != node { print $2; print $3 }' <<<"$nodes")
  docker exec "$node" bash -c "$configure" configure "$range" "${others[@]}" </dev/null
done <<<"$nodes"
