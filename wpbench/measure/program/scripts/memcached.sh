# Sets (one in ten) and gets of values of 1 kB: 90 000 keys, some 100 MB, the smaller ones more often.
cat >load.py <<'END'
import random
import socket
import sys

draw = random.Random(int(sys.argv[2]))
link = socket.socket(socket.AF_UNIX)
link.connect(sys.argv[1])
file = link.makefile("rwb")
value = b"x" * 1024


def store(key):
    file.write(b"set k%d 0 0 1024\r\n%s\r\n" % (key, value))
    file.flush()
    file.readline()


for key in range(int(sys.argv[2]), 90_000, 2):
    store(key)
for _ in range(60_000):
    key = int(90_000 * draw.random() ** 3)
    if draw.random() < 0.1:
        store(key)
        continue
    file.write(b"get k%d\r\n" % key)
    file.flush()
    while file.readline() != b"END\r\n":
        pass
END
memcached -u root -m 256 -t 2 -s "$PWD/memcached.sock" &
server=$!
until [ -S memcached.sock ]; do sleep 0.1; done
python3 load.py memcached.sock 0 &
first=$!
python3 load.py memcached.sock 1
wait "$first"
kill "$server"
wait "$server" || true
