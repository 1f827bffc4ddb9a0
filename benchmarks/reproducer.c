/*
 * The reproducer on a synchronous device by the same rules and over the same state as
 * wpbench/mm: the yardstick of benchmarks/c_twin.py. Rare paths (asynchronous I/O, moving
 * pagevecs, swap cache) are tested for where the machine tests for them, and counted if taken:
 * this workload never takes them.
 */
#include <stdint.h>

typedef int64_t i64;
enum { LRU = 1, SC = 2, WB = 4, DIRTY = 16, ACTIVE = 32, SWAPBACKED = 64, EXCL = 128, REF = 256,
       KSM = 512, LOCKED = 1024, ISO = 2048, ADD = 4096 };
#define MAP_SHIFT 25
#define ONE_MAP (1LL << MAP_SHIFT)
#define MASK_MAP (15LL << MAP_SHIFT)
#define SLOT_SHIFT 36
#define MOVES (0xFFFLL << 13)
#define GUP (7LL << 29)
#define PIN (3LL << 32)
#define LAG (3LL << 34)
#define RARE (ISO | MOVES | GUP | PIN | LAG)
#define HOLDERS (SC | ADD | MASK_MAP | RARE)
enum { FIRST_MAPCOUNT, FIRST_1, FIRST_1_SC, FIRST_3, FIRST_1_SC_NOT_LRU, FIRST_NONE }; /* mm/layout.py */
enum { PRESENT = 1, SWAP = 2, WRITE = 4, PDIRTY = 8 };

struct machine {
	uint32_t *pte; i64 *page; uint32_t *slot; int32_t *vec;
	i64 npages, pagevec, first_test, reuse_exclusive, drain, bypass, async_io, timed, nphys, nslots, swap_total;
	i64 free_page, next_page, next_slot, slots_used, disabled, rare;
	i64 wp_faults, reuses, copies, drains, drained, pswpin, pswpout, not_paged_out, accesses, major;
	i64 reason[16], seen[8], last_reason, last_word;
};

static inline i64 page_count(i64 w)
{
	i64 r = ((w >> MAP_SHIFT) & 15) + ((w >> 1) & 1) + ((w >> 12) & 1);
	if (w & RARE)
		r += ((w >> 11) & 1) + ((w >> 13) & 7) + ((w >> 16) & 7) + ((w >> 19) & 7) +
		     ((w >> 22) & 7) + ((w >> 29) & 7) + 1024 * ((w >> 32) & 3) + ((w >> 34) & 3);
	return r;
}
static inline i64 alloc_page(struct machine *m)
{
	i64 p = m->free_page;
	if (p) { m->free_page = m->page[p] >> SLOT_SHIFT; return p; }
	p = m->next_page;
	if (p >= m->nphys) { m->rare++; return m->nphys - 1; }
	m->next_page = p + 1;
	return p;
}
static inline void store_or_free(struct machine *m, i64 p, i64 w)
{
	if (w & HOLDERS) { m->page[p] = w; return; }
	m->page[p] = m->free_page << SLOT_SHIFT;
	m->free_page = p;
}
static inline i64 pv(struct machine *m, i64 cpu, i64 kind) { return (cpu * 5 + kind) * (m->pagevec + 1); }
static inline void flush(struct machine *m, i64 cpu)
{
	i64 v = pv(m, cpu, 0), nr = m->vec[v];
	m->vec[v] = 0;
	for (i64 i = v + 1; i < v + 1 + nr; i++) {
		i64 p = m->vec[i];
		if (p) store_or_free(m, p, (m->page[p] & ~(i64)ADD) | LRU);
	}
}
static __attribute__((noinline)) void flush_call(struct machine *m, i64 cpu) { flush(m, cpu); }
static inline void lru_cache_add(struct machine *m, i64 cpu, i64 p)
{
	if (p) m->page[p] |= ADD;
	i64 v = pv(m, cpu, 0), nr = m->vec[v] + 1;
	m->vec[v + nr] = p;
	m->vec[v] = nr;
	if (nr >= m->pagevec || m->disabled) flush_call(m, cpu);
}
static inline void drain_cpu(struct machine *m, i64 cpu)
{
	i64 v = pv(m, cpu, 0), s = m->pagevec + 1;
	if (m->vec[v]) flush(m, cpu);
	if (m->vec[v + s] | m->vec[v + 2 * s] | m->vec[v + 3 * s] | m->vec[v + 4 * s]) m->rare++;
}
static inline void put_slot(struct machine *m, i64 s, i64 e)
{
	if (!(e & ~16LL & 0xFFFFFFFFLL)) { m->slot[s] = 0; m->slots_used--; }
	else m->slot[s] = e;
}
static inline i64 get_slot(struct machine *m)
{
	if (m->slots_used >= m->swap_total) return 0;
	i64 s = m->next_slot;
	if (s >= m->nslots || (m->slot[s] & ~16u)) {
		for (i64 k = 0; k < m->nslots; k++, s++) {
			if (s >= m->nslots) s = 1;
			if (!(m->slot[s] & ~16u)) goto found;
		}
		return 0;
	}
found:
	m->next_slot = s + 1;
	m->slots_used++;
	return s;
}
static inline int held_by_others(i64 w)
{
	return (w & HOLDERS & ~(i64)(ISO | SC)) != 0;
}
static inline int shrink_page(struct machine *m, i64 at)
{
	i64 pte = m->pte[at], p = pte >> 5, w = m->page[p], e, s;
	if ((w & (WB | LOCKED)) || !(w & SWAPBACKED) || (w & PIN)) { m->rare++; return 1; }
	if (!(w & SC)) {
		s = get_slot(m);
		if (!s) { m->page[p] = w | ACTIVE; return 1; }
		w = (w & ((1LL << SLOT_SHIFT) - 1)) | SC | DIRTY | (s << SLOT_SHIFT);
		e = p << 5;
	} else { s = w >> SLOT_SHIFT; e = m->slot[s]; }
	e++;
	i64 sp = (s << 5) | SWAP;
	if (w & EXCL) sp |= WRITE;
	if (pte & PDIRTY) w |= DIRTY;
	m->pte[at] = sp;
	w = (w & ~(i64)EXCL) - ONE_MAP;
	if (w & DIRTY) {
		if (held_by_others(w)) { m->page[p] = w; m->slot[s] = e; return 1; }
		w &= ~(i64)DIRTY;
		m->pswpout++;
		if (m->async_io) { m->rare++; return 1; }
	}
	if (held_by_others(w)) { m->page[p] = w; m->slot[s] = e; return 1; }
	put_slot(m, s, (e & 15) | 16);
	store_or_free(m, p, w & ~(i64)(ISO | SC));
	return 0;
}
static __attribute__((noinline)) void pageout(struct machine *m, i64 cpu, i64 first, i64 n)
{
	static i64 batch[512];
	drain_cpu(m, cpu);
	for (i64 end = first + n; first < end;) {
		i64 stop = first + 512 - first % 512, nr = 0, kept = 0;
		if (stop > end) stop = end;
		for (i64 at = first; at < stop; at++) {
			i64 pte = m->pte[at], p = pte >> 5;
			if ((pte & PRESENT) && p) {
				i64 w = m->page[p];
				if ((w & (LRU | MASK_MAP)) == (LRU | ONE_MAP)) {
					m->page[p] = (w & ~(i64)(REF | ACTIVE | LRU)) | ISO;
					batch[nr++] = at;
				}
			}
		}
		for (i64 i = 0; i < nr; i++) {
			i64 p = m->pte[batch[i]] >> 5;
			if (shrink_page(m, batch[i])) batch[kept++] = p;
		}
		for (i64 i = 0; i < kept; i++) {
			lru_cache_add(m, cpu, batch[i]);
			store_or_free(m, batch[i], m->page[batch[i]] & ~(i64)ISO);
		}
		first = stop;
	}
	if (m->async_io) m->rare++;
}
static inline void do_read(struct machine *m, i64 cpu, i64 at)
{
	m->accesses++;
	i64 pte = m->pte[at];
	if (pte & PRESENT) { if (m->timed) m->rare++; return; }
	if (m->timed) m->rare++;
	if (!(pte & SWAP)) { m->rare++; return; }
	i64 s = pte >> 5, e = m->slot[s];
	if (!(m->bypass && (e & ~16LL) == 1)) { m->rare++; return; }
	i64 p = alloc_page(m), w = SWAPBACKED | EXCL | ONE_MAP;
	if (e & 16) w |= ACTIVE;
	m->page[p] = w;
	lru_cache_add(m, cpu, p);
	put_slot(m, s, (i64)m->slot[s] - 1);
	m->pswpin++;
	m->pte[at] = (p << 5) | PRESENT;
	m->major++;
}
/* The reason of a copy, tested in the machine's order (wpbench/mm/wp.py, why_copied()). */
static inline i64 why_copied(struct machine *m, i64 cpu, i64 p, i64 w)
{
	int local = 0;
	if (w & KSM) return 0;
	if (w & (GUP | PIN)) return 1;
	if (((w >> MAP_SHIFT) & 15) > 1) return 2;
	if (w & LAG) return 3;
	if ((w & SC) && (m->slot[w >> SLOT_SHIFT] & 15)) return 4;
	if (w & ISO) return 5;
	if (w & ADD) {
		i64 v = pv(m, cpu, 0), i = v + m->vec[v];
		while (i > v && m->vec[i] != p) i--;
		local = i > v;
		if (!local) return 6;
	}
	if (w & (7LL << 13)) return 7;
	if (w & (7LL << 22)) return 8;
	if (w & (7LL << 16)) return 9;
	if (w & (7LL << 19)) return 10;
	if (local) return 11;
	if ((w & SC) && (w & WB)) return 13;
	return w & SC ? 14 : 15;
}
static __attribute__((noinline)) int too_high(struct machine *m, i64 cpu, i64 p, i64 w)
{
	i64 why = why_copied(m, cpu, p, w);
	i64 seen = w & LRU ? (w & WB ? 4 : w & SC ? 3 : 2) : (w & WB ? 1 : 0);
	m->reason[why]++;
	m->seen[seen]++;
	m->last_reason = why;
	m->last_word = w;
	return 0;
}
static inline int can_reuse(struct machine *m, i64 cpu, i64 p)
{
	i64 w = m->page[p];
	if (m->reuse_exclusive && w & EXCL) return 1;
	if (m->first_test == FIRST_MAPCOUNT) { m->rare++; return 1; }
	i64 refs = page_count(w);
	if (w & KSM) { m->rare++; return 0; }
	i64 sc = (w >> 1) & 1;
	if (m->first_test == FIRST_1) { if (refs != 1) return too_high(m, cpu, p, w); goto last; }
	if (m->first_test == FIRST_1_SC) { if (refs > 1 + sc) return too_high(m, cpu, p, w); goto last; }
	if (m->first_test == FIRST_1_SC_NOT_LRU) { if (refs > 1 + sc + !(w & LRU)) return too_high(m, cpu, p, w); }
	else if (m->first_test == FIRST_3 && refs > 3) return too_high(m, cpu, p, w);
	if (m->drain && !((m->page[p] & LRU) && m->drain != 2)) {
		m->drains++;
		for (int k = 0; k < 5; k++) m->drained += m->vec[pv(m, cpu, k)];
		drain_cpu(m, cpu);
	}
	w = m->page[p];
	if (page_count(w) > 1 + ((w >> 1) & 1)) return too_high(m, cpu, p, w);
last:
	w = m->page[p];
	if (w & (LOCKED | SC)) { m->rare++; return 0; }
	if (page_count(w) != 1) return too_high(m, cpu, p, w);
	return 1;
}
static inline void do_write(struct machine *m, i64 cpu, i64 at)
{
	m->accesses++;
	i64 pte = m->pte[at];
	if ((pte & WRITE) && (pte & PRESENT)) { m->pte[at] = pte | PDIRTY; return; }
	if (!(pte & PRESENT)) { m->rare++; return; }
	if (m->timed) m->rare++;
	i64 p = pte >> 5;
	m->wp_faults++;
	if (can_reuse(m, cpu, p)) {
		m->reuses++;
		m->page[p] |= EXCL;
		m->pte[at] = (p << 5) | PRESENT | WRITE | PDIRTY;
		return;
	}
	m->copies++;
	i64 n = alloc_page(m);
	m->page[n] = SWAPBACKED | EXCL | ONE_MAP;
	lru_cache_add(m, cpu, n);
	m->pte[at] = (n << 5) | PRESENT | WRITE | PDIRTY;
	i64 w = m->page[p] - ONE_MAP;
	if (w & SC) m->rare++;
	store_or_free(m, p, w);
}
void reproducer(struct machine *m, i64 rounds, i64 shuffle)
{
	i64 n = m->npages, mask = 1, bits = 1;
	while (mask < n - 1) { mask = mask * 2 + 1; bits++; }
	i64 shift = (bits + 1) / 2;
	for (i64 r = 0; r < rounds; r++) {
		pageout(m, 0, 0, n);
		i64 resident = 0;
		for (i64 v = 0; v < n; v++) resident += m->pte[v] & PRESENT;
		m->not_paged_out += resident;
		for (i64 i = 0; i < n; i++) {
			i64 v = i;
			if (shuffle)
				do {
					v = (v * 0x2545F491 + 0x3C6EF372) & mask;
					v ^= v >> shift;
					v = (v * 0x5851F42D) & mask;
					v ^= v >> shift;
				} while (v >= n);
			do_read(m, 0, v);
			do_write(m, 0, v);
		}
	}
}
void touch(struct machine *m)
{
	for (i64 v = 0; v < m->npages; v++) {
		i64 p = alloc_page(m);
		m->page[p] = SWAPBACKED | EXCL | ONE_MAP;
		lru_cache_add(m, 0, p);
		m->pte[v] = (p << 5) | PRESENT | WRITE | PDIRTY;
	}
}
