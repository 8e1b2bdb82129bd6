#pragma once

/// Asks the processor for the cache line at an address, which need not be one; waits for nothing. Swift has no word for it.
static inline void prefetch_cache_line(const void *address) { __builtin_prefetch(address); }
