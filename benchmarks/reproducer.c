/*
 * The reproducer on a synchronous device by the same rules and over the same state as
 * wpbench/mm: the yardstick of benchmarks/c_twin.py. All that the machine does here is done:
 * shadows and their ages, refault distances, tests for other CPUs' TLBs, each counter. Rare paths
 * (asynchronous I/O, moving pagevecs, swap cache) are tested for where the machine tests for them,
 * and counted if taken: this workload never takes them.
 *
 * With -DPREFETCH it also has the machine's stack of free pages, and fetches what the next
 * accesses touch (wpbench/mm/page.py, ahead.py). Without, it is C as one writes it.
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
#define AGE ((1LL << 27) - 1)
#ifdef PREFETCH
enum { AHEAD = 16, NR_FREE = 16 }; /* mm/ahead.py, mm/layout.py */
#define FETCH(address) __builtin_prefetch(address, 1)
#endif

struct machine {
	uint32_t *pte; i64 *page; uint32_t *slot; int32_t *vec; i64 *running;
	i64 npages, ncpus, pagevec, first_test, reuse_exclusive, drain, bypass, async_io, timed, nphys, nslots, swap_total;
	i64 swp_exclusive, refaults_activate, file_lru, swapin_activates, swapin_inserts_at_once, writable_on_read;
	i64 pinned_not_swapped, slot_cache, frees_swap_after_copy, new_active, pageout_tlb_flushes, pmd_offset, large, plain;
	i64 free_page, next_page, next_slot, slots_used, disabled, nonresident_age, nr_running, rare;
	i64 wp_faults, reuses, exclusive_reuses, copies, drains, drained_pages, drains_nonempty, drains_reused, early_gt3,
	    lru_add_flushed, lru_add_dead, pswpin, pswpout, rewrites, not_paged_out, accesses, major_faults, minor_faults;
	i64 reason[16], seen[8], last_reason, last_word, free[16];
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
#ifdef PREFETCH
	i64 top = m->large ? m->free_page : 0, p = m->free[top];
	if (p) {
		i64 below = m->page[p] >> SLOT_SHIFT;
		m->free[top] = below;
		if (m->large) { FETCH(&m->page[below]); m->free_page = (top - 1) & (NR_FREE - 1); }
		return p;
	}
#else
	i64 p = m->free_page;
	if (p) { m->free_page = m->page[p] >> SLOT_SHIFT; return p; }
#endif
	p = m->next_page;
	if (p >= m->nphys) { m->rare++; return m->nphys - 1; }
	m->next_page = p + 1;
	return p;
}
static inline void store_or_free(struct machine *m, i64 p, i64 w)
{
	if (w & HOLDERS) { m->page[p] = w; return; }
#ifdef PREFETCH
	i64 top = 0;
	if (m->large) m->free_page = top = (m->free_page + 1) & (NR_FREE - 1);
	m->page[p] = m->free[top] << SLOT_SHIFT;
	m->free[top] = p;
#else
	m->page[p] = m->free_page << SLOT_SHIFT;
	m->free_page = p;
#endif
}
static inline i64 pv(struct machine *m, i64 cpu, i64 kind) { return (cpu * 5 + kind) * (m->pagevec + 1); }
static inline void flush(struct machine *m, i64 cpu)
{
	i64 v = pv(m, cpu, 0), nr = m->vec[v] & 255, others = 0, dead = 0;
	m->vec[v] = 0;
	if (m->timed) m->rare++;
	for (i64 i = v + 1; i < v + 1 + nr; i++) {
		i64 p = m->vec[i];
		if (!p) { others++; continue; }
		i64 w = (m->page[p] & ~(i64)ADD) | LRU;
		if (!(w & HOLDERS)) dead++;
		store_or_free(m, p, w);
	}
	m->lru_add_flushed += nr - others;
	m->lru_add_dead += dead;
}
static __attribute__((noinline)) void flush_call(struct machine *m, i64 cpu) { flush(m, cpu); }
static inline void lru_cache_add(struct machine *m, i64 cpu, i64 p)
{
	if (p) m->page[p] |= ADD;
	i64 v = pv(m, cpu, 0), nr = (m->vec[v] & 255) + 1;
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
/* A shadow does not keep a slot (slot_in_use()). */
static inline int in_use(i64 e) { return e & 16 ? (e & 15) != 0 : e != 0; }
static inline void put_slot(struct machine *m, i64 s, i64 e)
{
	if (!in_use(e)) { m->slot[s] = 0; m->slots_used--; }
	else m->slot[s] = e;
}
static inline i64 get_slot(struct machine *m)
{
	if (m->slots_used >= m->swap_total) return 0;
	i64 s = m->next_slot;
	if (s >= m->nslots || in_use(m->slot[s])) {
		for (i64 k = 0; k < m->nslots; k++, s++) {
			if (s >= m->nslots) s = 1;
			if (!in_use(m->slot[s])) goto found;
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
static inline void flush_tlb(struct machine *m, i64 cpu)
{
	i64 others = m->nr_running;
	if (others && m->running[cpu]) others--;
	if (others) m->rare++;
}
static inline int shrink_page(struct machine *m, i64 cpu, i64 at)
{
	i64 pte = m->pte[at], p = pte >> 5, w = m->page[p], e, s, new = 0;
	if (w & LOCKED) { m->rare++; return 1; }
	if (w & WB) { m->rare++; return 1; }
	if (!(w & SWAPBACKED)) { m->rare++; return 1; }
	if ((w & PIN) && m->pinned_not_swapped && !(w & SC)) { m->rare++; return 1; }
	if (!(w & SC)) {
		s = get_slot(m);
		if (!s) { m->page[p] = w | ACTIVE; return 1; }
		new = 1;
		if (m->slot_cache && s % 64 == 1 && m->timed) m->rare++;
		w = (w & ((1LL << SLOT_SHIFT) - 1)) | SC | DIRTY | (s << SLOT_SHIFT);
		e = p << 5;
	} else { s = w >> SLOT_SHIFT; e = m->slot[s]; }
	if ((w & PIN) && m->reuse_exclusive && (w & EXCL)) { m->rare++; return 1; }
	e++;
	i64 sp = (s << 5) | SWAP;
	if ((w & EXCL) && m->swp_exclusive) sp |= WRITE;
	if (pte & PDIRTY) w |= DIRTY;
	m->pte[at] = sp;
	w = (w & ~(i64)EXCL) - ONE_MAP;
	if (w & MASK_MAP) { m->rare++; return 1; }
	if (w & DIRTY) {
		if (held_by_others(w)) { m->page[p] = w; m->slot[s] = e; return 1; }
		w &= ~(i64)DIRTY;
		m->pswpout++;
		m->rewrites += 1 - new;
		flush_tlb(m, cpu);
		if (m->async_io) { m->rare++; return 1; }
		if (m->timed) m->rare++;
	}
	if (held_by_others(w)) { m->page[p] = w; m->slot[s] = e; return 1; }
	i64 age = m->nonresident_age;
	m->nonresident_age = age + 1;
	put_slot(m, s, (e & 15) | 16 | (age & AGE) << 5);
	store_or_free(m, p, w & ~(i64)(ISO | SC));
	return 0;
}
static __attribute__((noinline)) void pageout(struct machine *m, i64 cpu, i64 first, i64 n)
{
	static i64 batch[512];
	drain_cpu(m, cpu);
	for (i64 end = first + n; first < end;) {
		i64 stop = first + 512 - (first % m->npages + m->pmd_offset) % 512, nr = 0, kept = 0;
		if (stop > end) stop = end;
		for (i64 at = first; at < stop; at++) {
			i64 pte = m->pte[at], p = pte >> 5;
#ifdef PREFETCH
			if (m->large) FETCH(&m->page[m->pte[at + AHEAD < end ? at + AHEAD : end - 1] >> 5]);
#endif
			if ((pte & PRESENT) && p) {
				i64 w = m->page[p];
				if ((w & (LRU | MASK_MAP)) == (LRU | ONE_MAP)) {
					if (m->ncpus > 1) m->rare++;
					m->page[p] = (w & ~(i64)(REF | ACTIVE | LRU)) | ISO;
					batch[nr++] = at;
				}
			}
		}
		if (nr) for (i64 k = 0; k < m->pageout_tlb_flushes; k++) flush_tlb(m, cpu);
		for (i64 i = 0; i < nr; i++) {
			i64 p = m->pte[batch[i]] >> 5;
			if (shrink_page(m, cpu, batch[i])) batch[kept++] = p;
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
	if (!(pte & SWAP)) { m->rare++; return; }
	i64 s = pte >> 5, e = m->slot[s];
	if (!(m->bypass && (e == 1 || (e & 31) == 17))) { m->rare++; return; }
	if (m->timed) m->rare++;
	i64 p = alloc_page(m), w = SWAPBACKED | EXCL | ONE_MAP;
	if ((e & 16) && m->refaults_activate) {
		i64 distance = (m->nonresident_age - (e >> 5)) & AGE;
		if (distance > m->file_lru) m->rare++;
		m->nonresident_age++;
		w |= ACTIVE;
	}
	m->page[p] = w;
	if (m->swapin_inserts_at_once) { m->rare++; m->page[p] |= LRU; }
	else lru_cache_add(m, cpu, p);
	put_slot(m, s, (i64)m->slot[s] - 1);
	m->pswpin++;
	i64 mapped = (p << 5) | PRESENT;
	if (m->writable_on_read) mapped |= WRITE;
	m->pte[at] = mapped;
	if (m->swapin_activates) m->rare++;
	m->major_faults++;
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
	else if (m->first_test == FIRST_3 && refs > 3) { m->early_gt3++; return too_high(m, cpu, p, w); }
	if (m->drain && !((m->page[p] & LRU) && m->drain != 2)) {
		m->drains_nonempty += m->vec[pv(m, cpu, 0)] != 0;
		for (int k = 0; k < 5; k++) m->drained_pages += m->vec[pv(m, cpu, k)];
		drain_cpu(m, cpu);
		m->drains++;
		if (m->timed) m->rare++;
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
	if (!p) { m->rare++; return; }
	i64 at_once = m->reuse_exclusive && (m->page[p] & EXCL), drains = m->drains;
	m->wp_faults++;
	if (can_reuse(m, cpu, p)) {
		m->reuses++;
		if (m->drains > drains) m->drains_reused++;
		m->page[p] |= EXCL;
		m->pte[at] = (p << 5) | PRESENT | WRITE | PDIRTY;
		if (at_once) m->exclusive_reuses++;
		return;
	}
	m->copies++;
	flush_tlb(m, cpu);
	i64 n = alloc_page(m);
	m->page[n] = m->new_active | SWAPBACKED | EXCL | ONE_MAP;
	lru_cache_add(m, cpu, n);
	m->pte[at] = (n << 5) | PRESENT | WRITE | PDIRTY;
	i64 w = m->page[p] - ONE_MAP;
	if ((w & SC) && m->frees_swap_after_copy) { m->rare++; return; }
	store_or_free(m, p, w);
}
/* Where a fixed permutation of 0..n-1 takes i. */
static inline i64 shuffled(i64 i, i64 n, i64 mask, i64 shift)
{
	do {
		i = (i * 0x2545F491 + 0x3C6EF372) & mask;
		i ^= i >> shift;
		i = (i * 0x5851F42D) & mask;
		i ^= i >> shift;
	} while (i >= n);
	return i;
}
static inline i64 page_of_step(i64 i, i64 n, i64 mask, i64 shift, i64 shuffle)
{
	return shuffle ? shuffled(i, n, mask, shift) : i;
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
			i64 v = page_of_step(i, n, mask, shift, shuffle);
#ifdef PREFETCH
			if (m->large) {
				i64 far = i + 2 * AHEAD < n ? i + 2 * AHEAD : n - 1, near = i + AHEAD < n ? i + AHEAD : n - 1;
				FETCH(&m->pte[page_of_step(far, n, mask, shift, shuffle)]);
				i64 pte = m->pte[page_of_step(near, n, mask, shift, shuffle)];
				FETCH(pte & SWAP ? (void *)&m->slot[pte >> 5] : (void *)&m->page[pte >> 5]);
			}
#endif
			if (!m->plain) m->rare++;
			do_read(m, 0, v);
			do_write(m, 0, v);
		}
	}
}
void touch(struct machine *m)
{
	for (i64 v = 0; v < m->npages; v++) {
		i64 p = alloc_page(m);
		m->page[p] = m->new_active | SWAPBACKED | EXCL | ONE_MAP;
		lru_cache_add(m, 0, p);
		m->pte[v] = (p << 5) | PRESENT | WRITE | PDIRTY;
	}
}
