# A parent of some 60 MB forks a pool; each of its processes reads, and rewrites, part of the data.
cat >pool.py <<'END'
import multiprocessing

table = [[i, str(i)] for i in range(300_000)]


def work(part):
    total = 0
    for row in table[part::16]:
        total += row[0]
        row[0] = part
    return total


if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    for _ in range(3):
        with context.Pool(4) as pool:
            pool.map(work, range(16))
        for row in table[::7]:
            row[0] += 1
END
exec python3 pool.py
