#!/usr/bin/env bash
# Runs inside the node image's build: makes a kind node of a Debian root that already has kind's files copied in.
set -euo pipefail

chmod 755 /usr/local/bin/* /usr/bin/kube* /kind/bin /kind/bin/*
chmod 644 /etc/systemd/system/*.service /etc/containerd/config.toml

# Debian's containerd and CNI plugins lie elsewhere than those that kind builds.
sed -i 's#/usr/local/bin/containerd#/usr/bin/containerd#' /etc/systemd/system/containerd.service
mkdir -p /opt/cni /etc/cni/net.d /etc/kubernetes/manifests
ln -s /usr/lib/cni /opt/cni/bin

# The pause image that this Kubernetes asks for; a runc that gets along without CAP_SYS_RESOURCE, and, for the same
# reason, no attempt to make a container less likely to be killed than containerd is.
sed -i -e "s#\(sandbox_image = \).*#\1\"$(cat /kind/pause-image)\"#" \
  -e 's#restrict_oom_score_adj = false#restrict_oom_score_adj = true#' \
  -e '0,/SystemdCgroup = true/s##&\n    BinaryName = "/usr/local/bin/runc-capped"#' /etc/containerd/config.toml
grep -q runc-capped /etc/containerd/config.toml
ctr oci spec |
  jq 'del(.process.rlimits) | .hooks.createContainer += [{"path": "/kind/bin/mount-product-files.sh"}]' \
    >/etc/containerd/cri-base.json

# A node runs three services. Everything else that Debian starts at boot is for machines with hardware and log-ins.
rm -f /etc/systemd/system/*.wants/* /lib/systemd/system/multi-user.target.wants/* \
  /lib/systemd/system/local-fs.target.wants/* /lib/systemd/system/basic.target.wants/* \
  /lib/systemd/system/sockets.target.wants/*{udev,initctl}* \
  /lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service
systemctl enable containerd.service kubelet.service undo-mount-hacks.service
# It would register formats with the kernel, that is, for the whole machine.
systemctl mask systemd-binfmt.service
# The kernel's log is the machine's, not the node's.
echo 'ReadKMsg=no' >>/etc/systemd/journald.conf
# Each node makes its own.
: >/etc/machine-id
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/log/*.log /usr/share/info
