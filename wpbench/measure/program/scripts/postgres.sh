# pgbench, a connection (and so a forked server) a transaction. The server refuses to run as root.
user=$(id -u postgres 2>/dev/null || id -u nobody)
mkdir data
chown "$user" data
as() { setpriv --reuid "$user" --clear-groups "$@"; }
as initdb -D data -A trust -U bench --no-sync >/dev/null
as postgres -D data -c listen_addresses= -c unix_socket_directories="$PWD/data" -c fsync=off >/dev/null 2>&1 &
server=$!
until pgbench -h "$PWD/data" -U bench -i -s 5 -q postgres >/dev/null 2>&1; do sleep 0.2; done
pgbench -h "$PWD/data" -U bench -c 4 -j 2 -C -t 250 postgres >/dev/null 2>&1
kill "$server"
wait "$server" || true
