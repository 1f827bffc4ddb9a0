# A server of 200 000 keys, written to by a benchmark while it saves three times.
redis-server --port 0 --unixsocket "$PWD/redis.sock" --dir "$PWD" --save '' --appendonly no \
    --loglevel warning --logfile "$PWD/redis.log" &
cli() { redis-cli -s "$PWD/redis.sock" "$@"; }
until cli ping >/dev/null 2>&1; do sleep 0.1; done
load() { redis-benchmark -s "$PWD/redis.sock" -q -t set -r 200000 -d 200 -n "$1" >/dev/null; }
load 400000
load 400000 &
writer=$!
for save in 1 2 3; do
    cli bgsave >/dev/null
    while cli info persistence | grep -q rdb_bgsave_in_progress:1; do sleep 0.05; done
done
wait "$writer"
cli shutdown nosave
wait
