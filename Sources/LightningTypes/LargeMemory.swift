#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Memory for tables that are read at random.
///
/// Of a table of a million nodes nearly every read would miss the processor's table of pages too, if these were of the
/// usual 4 KB: large tables ask for pages of 2 MB. Where the system does not know of such, it is memory as any other.
package enum LargeMemory {
    private static let pageSize = 2 << 20

    /// To be given back with `free`. Uninitialised.
    package static func allocate<Element>(_ type: Element.Type, count: Int) -> UnsafeMutablePointer<Element> {
        let size = max(count * MemoryLayout<Element>.stride, 1)
        var memory: UnsafeMutableRawPointer?
        let alignment = size >= 2 * pageSize ? pageSize : 16
        // A fatal error says in release builds what it was.
        guard posix_memalign(&memory, alignment, size) == 0, let memory else { fatalError("no memory left") }
        #if os(Linux)
            // Refused, it changes nothing but speed.
            if alignment == pageSize { _ = madvise(memory, size, MADV_HUGEPAGE) }
        #endif
        return memory.bindMemory(to: type, capacity: count)
    }

    package static func free<Element>(_ memory: UnsafeMutablePointer<Element>) { Self.release(memory) }

    private static func release(_ memory: UnsafeMutableRawPointer) {
        #if canImport(Glibc)
            Glibc.free(memory)
        #else
            Darwin.free(memory)
        #endif
    }
}
