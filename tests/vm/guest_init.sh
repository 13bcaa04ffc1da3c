#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-only
# First program of a test VM, in the initramfs: makes the host's root file
# system, read-only under a tmpfs, the guest's own and hands over to the agent.
B=/bin/busybox
$B mount -t proc proc /proc
$B mount -t sysfs sys /sys
$B mount -t devtmpfs dev /dev
# From here on the agent reads the kernel's messages; the console costs time.
echo 4 > /proc/sys/kernel/printk
# Kernels choose different qdiscs, and some drop what has waited for long: on a
# slow host that is any packet.
echo pfifo_fast > /proc/sys/net/core/default_qdisc
while read -r module; do
    $B insmod "/modules/$module"
done < /modules/order
options=trans=virtio,version=9p2000.L,msize=262144,cache=loose,ro
$B mount -t 9p -o "$options" root /lower
$B mount -t tmpfs -o size=70% tmpfs /upper
$B mkdir /upper/files /upper/work
$B mount -t overlay \
    -o lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work root /new
$B mkdir -p /new/lib/modules
$B mount -t 9p -o "$options" modules /new/lib/modules
for dir in proc sys dev; do
    $B mount --move /$dir /new/$dir
done
read -r agent < /agent
exec $B switch_root /new "$agent"
