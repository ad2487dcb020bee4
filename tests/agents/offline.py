#!/usr/bin/env python3
"""Runs a command in a network of its own: loopback, and no way out. usage: offline.py COMMAND ARGUMENTS"""
import fcntl
import os
import socket
import struct
import sys

SIOCSIFFLAGS, IFF_UP = 0x8914, 1

user, group = os.geteuid(), os.getegid()
try:
    os.unshare(os.CLONE_NEWNET)
except PermissionError:  # who may not, may as the owner of a namespace of users
    os.unshare(os.CLONE_NEWNET | os.CLONE_NEWUSER)
    for name, text in {"setgroups": "deny", "uid_map": f"{user} {user} 1", "gid_map": f"{group} {group} 1"}.items():
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
os.execvp(sys.argv[1], sys.argv[1:])
