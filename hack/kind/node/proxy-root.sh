#!/usr/bin/env bash
# Prints, as a tar, the root file system of the kube-proxy image: proxy-root.sh KUBE_PROXY_BINARY. Runs in a node.
#
# kube-proxy needs iptables at hand, of the variant (nft or legacy) that the node's kubelet uses: rules written by the
# other one would not be seen. The kubelet leaves a chain as a hint; the start script looks for it. Only iptables, its
# libraries and a shell go in: the whole node would make the image ten times as large, on every node.
set -euo pipefail
root=$(mktemp -d)
programs=(/usr/sbin/xtables-nft-multi /usr/sbin/xtables-legacy-multi /bin/dash)
plugins=(/usr/lib/*-linux-gnu/xtables/*.so)
cp --parents -P "${plugins[@]}" "$root"
cp --parents -L "${programs[@]}" "$root"
# The plug-ins' own libraries too: without libm the rules of a service with two endpoints can't be written.
ldd "${programs[@]}" "${plugins[@]}" | sed -n 's/^[[:space:]].*[[:space:]]\(\/[^ ]*\) (0x.*/\1/p; s/^[[:space:]]\(\/[^ ]*\) (0x.*/\1/p' |
  sort -u | xargs cp --parents -L -t "$root"
ln -s dash "$root/bin/sh"
mkdir -p "$root"/{tmp,run,etc} "$root/usr/local/bin"
for variant in nft legacy; do
  mkdir -p "$root/opt/$variant"
  for tool in {ip,ip6}tables{,-save,-restore}; do
    ln -s "/usr/sbin/xtables-$variant-multi" "$root/opt/$variant/$tool"
  done
done
cp "$1" "$root/usr/local/bin/kube-proxy.real"
cat >"$root/usr/local/bin/kube-proxy" <<'START'
#!/bin/sh
# Takes the iptables in which the kubelet left its hint.
case $(/opt/nft/iptables-save -t mangle 2>/dev/null) in
  *KUBE-IPTABLES-HINT* | *KUBE-KUBELET-CANARY*) variant=nft ;;
  *) variant=legacy ;;
esac
export PATH=/opt/$variant
exec /usr/local/bin/kube-proxy.real "$@"
START
chmod 755 "$root/usr/local/bin/"*
tar -C "$root" -c .
