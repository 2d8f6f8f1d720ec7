#!/bin/busybox sh
# The guest's first process: file systems, modules, network, then one shell on a port to the outside.
/bin/busybox mkdir -p /proc /sys /dev /tmp /run /var/lib /root
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
/bin/busybox --install -s /bin
export PATH=/bin HOME=/root
for module in $(cat /etc/modules); do
  insmod "/lib/modules/$module.ko" || echo "cannot load $module"
done
ip link set lo up
[ ! -e /etc/network.sh ] || . /etc/network.sh
exec 3<> /dev/vport0p1
# The first mark of lab/guest/machine.ts: whoever spoke before this was not heard.
echo "<<0 0>>" >&3
cat <&3 | sh >&3 2>&1
