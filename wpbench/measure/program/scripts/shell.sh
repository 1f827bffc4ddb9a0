# 2000 children of a shell, one after the other: half are programs, half subshells.
exec bash -c 'for i in $(seq 1000); do /bin/true; (: "$i"); done'
