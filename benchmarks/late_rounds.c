/*
 * Why some rounds of data/kernel-measurements/reproducer_async.csv begin late: kswapd.
 *
 * The first program of a guest.  It swaps to a memory-backed null_blk of 5 ms and repeats the reproducer's loop, as 60
 * processes of 10 rounds of 64 pages.  What a decision that copies would do, it does itself: a page that has been read is
 * dropped (MADV_DONTNEED) and written anew, so that the page under writeback is orphaned in the swap cache.  It prints the
 * processes with a round whose pageout and wait took more than 2 ms longer than their shortest, and what kswapd did.
 *
 *     gcc -O1 -static -o root/init benchmarks/late_rounds.c
 *     cp configfs.ko null_blk.ko root/                 (not compressed, of the kernel to be booted)
 *     (cd root && find . | cpio -o -H newc | gzip) > initrd.gz
 *     qemu-system-x86_64 -icount shift=2,sleep=off -smp 1 -m 512 -kernel vmlinuz -initrd initrd.gz -nographic -no-reboot \
 *         -append "console=ttyS0 quiet panic=-1"
 *
 * With -m 256 memory runs short in the middle of it.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, NPAGES = 64, ROUNDS = 10, PROCESSES = 60, LATE_NS = 2000000 };

static const char *const DEVICE[][2] = {
	{ "memory_backed", "1" },        { "size", "256" },       { "blocksize", "4096" }, { "irqmode", "2" },
	{ "completion_nsec", "5000000" }, { "submit_queues", "1" }, { "power", "1" },
};

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void put(const char *path, const char *text)
{
	int f = open(path, O_WRONLY);

	if (f < 0 || write(f, text, strlen(text)) < 0)
		perror(path);
	close(f);
}

static void load(const char *path)
{
	int f = open(path, O_RDONLY);

	if (f < 0 || syscall(SYS_finit_module, f, "", 0))
		perror(path);
	close(f);
}

static void show(const char *path, const char *const *names)
{
	char line[256];
	FILE *f = fopen(path, "r");

	while (f && fgets(line, sizeof(line), f))
		for (const char *const *name = names; *name; name++)
			if (!strncmp(line, *name, strlen(*name)))
				fputs(line, stdout);
	if (f)
		fclose(f);
}

static void swap_on(const char *device)
{
	static char header[PAGE];
	unsigned version = 1, last_page = 65535;
	int f = open(device, O_RDWR);

	memcpy(header + 1024, &version, sizeof(version));
	memcpy(header + 1028, &last_page, sizeof(last_page));
	memcpy(header + PAGE - 10, "SWAPSPACE2", 10);
	if (f < 0 || write(f, header, PAGE) != PAGE || fsync(f))
		perror(device);
	close(f);
	if (swapon(device, 0))
		perror("swapon");
}

static void reproduce(int process, long long delay_ns)
{
	volatile char *m = mmap(NULL, NPAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long long took[ROUNDS], least = 1LL << 62;
	int late = 0;

	for (int i = 0; i < NPAGES; i++)
		m[i * PAGE] = 1;
	for (int r = 0; r < ROUNDS; r++) {
		long long begin = now();

		madvise((void *)m, NPAGES * PAGE, MADV_PAGEOUT);
		for (long long end = now() + delay_ns; now() < end;)
			;
		took[r] = now() - begin - delay_ns;
		least = took[r] < least ? took[r] : least;
		for (int i = 0; i < NPAGES; i++) {
			(void)m[i * PAGE];
			madvise((void *)(m + i * PAGE), PAGE, MADV_DONTNEED);
			m[i * PAGE] = 1;
		}
	}
	for (int r = 0; r < ROUNDS; r++)
		late += took[r] > least + LATE_NS;
	if (!late)
		return;
	printf("process %d, delay %lld us: %d of %d rounds late, by", process, delay_ns / 1000, late, ROUNDS);
	for (int r = 0; r < ROUNDS; r++)
		if (took[r] > least + LATE_NS)
			printf(" %.1f", (took[r] - least) / 1e6);
	printf(" ms\n");
	fflush(stdout);
}

int main(void)
{
	const char *const memory[] = { "MemTotal", "MemFree", "SwapCached", NULL };
	const char *const counters[] = { "pswpin", "pswpout", "pgsteal_kswapd", "pgsteal_direct", NULL };
	char path[128];
	int console;

	for (const char *const *d = (const char *const[]){ "/proc", "/sys", "/dev", NULL }; *d; d++)
		mkdir(*d, 0755);
	mount("proc", "/proc", "proc", 0, NULL);
	mount("sys", "/sys", "sysfs", 0, NULL);
	mount("dev", "/dev", "devtmpfs", 0, NULL);
	console = open("/dev/console", O_RDWR);
	dup2(console, 1);
	dup2(console, 2);
	load("/configfs.ko");
	load("/null_blk.ko");
	mount("c", "/sys/kernel/config", "configfs", 0, NULL);
	put("/sys/kernel/mm/lru_gen/enabled", "0");
	put("/sys/kernel/mm/transparent_hugepage/enabled", "never");
	mkdir("/sys/kernel/config/nullb/swap", 0755);
	for (size_t i = 0; i < sizeof(DEVICE) / sizeof(*DEVICE); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/config/nullb/swap/%s", DEVICE[i][0]);
		put(path, DEVICE[i][1]);
	}
	put("/sys/block/swap/queue/wbt_lat_usec", "0"); /* no writeback throttling, as in the kernel measured */
	swap_on("/dev/swap");
	show("/proc/meminfo", memory);
	for (int process = 0; process < PROCESSES; process++) {
		if (!fork()) {
			reproduce(process, process % 2 ? 2000000 : 20000);
			_exit(0);
		}
		wait(NULL);
	}
	show("/proc/meminfo", memory);
	show("/proc/vmstat", counters);
	fflush(stdout);
	reboot(RB_POWER_OFF);
}
