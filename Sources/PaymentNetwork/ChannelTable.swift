import LightningTypes
import PaymentChannels
import Routing

/// One party's copies of all channels, by `DirectionIndex`, and beside them what each could offer now.
///
/// What can be offered stands in rows by node: a payer's search looks at all its own channels, of which a hub has
/// thousands, and would wait for memory at each if it had to read the channels themselves.
///
/// Invariant: every offer is that of its channel. Channels change through `subscript` alone, which sees to it, and
/// a run's end checks it.
struct ChannelTable {
    /// What the owner of a channel's end could offer over it.
    struct Offer: BitwiseCopyable, Equatable {
        /// Millisatoshis times two, and one where HTLCs can be offered at all.
        private var word: UInt64

        init(spendable: Millisatoshi, isUsable: Bool) { word = spendable.rawValue << 1 | (isUsable ? 1 : 0) }

        @inline(__always) init(_ channel: borrowing Channel) {
            self.init(spendable: channel.spendable, isUsable: channel.isUsable)
        }

        var spendable: Millisatoshi { Millisatoshi(word >> 1) }
        var isUsable: Bool { word & 1 != 0 }
    }

    private let count: Int
    private let channels: UnsafeMutablePointer<Channel>
    private let offers: UnsafeMutablePointer<Offer>
    /// Of each end's offer.
    private let places: UnsafeMutablePointer<UInt32>

    /// - Parameters:
    ///   - rows: all ends, those of one node one after another.
    ///   - channel: by `DirectionIndex`.
    init(rows: [DirectionIndex], _ channel: (DirectionIndex) -> Channel) {
        count = rows.count
        channels = LargeMemory.allocate(Channel.self, count: count)
        offers = LargeMemory.allocate(Offer.self, count: count)
        places = LargeMemory.allocate(UInt32.self, count: count)
        for (place, end) in rows.enumerated() { places[Int(end.rawValue)] = UInt32(place) }
        for position in 0..<count {
            (channels + position).initialize(to: channel(DirectionIndex(UInt32(position))))
            offers[Int(places[position])] = Offer(channels[position])
        }
    }

    func deallocate() {
        LargeMemory.free(channels)
        LargeMemory.free(offers)
        LargeMemory.free(places)
    }

    subscript(position: Int) -> Channel {
        @inline(__always) _read { yield channels[position] }
        @inline(__always) nonmutating _modify {
            // Also where a message is refused.
            defer { offers[Int(places[position])] = Offer(channels[position]) }
            yield &channels[position]
        }
    }

    /// Where the offer of an end stands.
    @inline(__always) func place(of end: DirectionIndex) -> Int { Int(places[Int(end.rawValue)]) }

    @inline(__always) func offer(of end: DirectionIndex) -> Offer { offers[place(of: end)] }

    /// The offers of ends that stand together in the rows.
    func offers(at places: Range<Int>) -> UnsafeBufferPointer<Offer> {
        UnsafeBufferPointer(start: offers + places.lowerBound, count: places.count)
    }

    /// Whether every offer is that of its channel. O(count)
    var isCurrent: Bool {
        (0..<count).allSatisfy { offers[Int(places[$0])] == Offer(channels[$0]) }
    }
}
