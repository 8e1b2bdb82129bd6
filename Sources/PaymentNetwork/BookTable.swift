import LightningTypes
import Settlement

/// The books of all ends of channels, by `DirectionIndex`; those in which nothing was booked take up a pointer alone,
/// for in a large network most ends never see a payment.
///
/// Each entry belongs to the process of its end's node.
struct BookTable {
    private let books: UnsafeMutablePointer<UnsafeMutablePointer<ChannelBooks>?>
    private let count: Int

    init(count: Int) {
        self.count = count
        books = LargeMemory.allocate(UnsafeMutablePointer<ChannelBooks>?.self, count: count)
        books.initialize(repeating: nil, count: count)
    }

    func deallocate() {
        for position in 0..<count {
            books[position]?.deinitialize(count: 1)
            books[position]?.deallocate()
        }
        LargeMemory.free(books)
    }

    /// What was booked; nil: nothing since the start of the run.
    func opened(_ position: Int) -> ChannelBooks? { books[position]?.pointee }

    /// The books to write in.
    ///
    /// - Parameter start: what they say at the start of the run, where nothing was booked before.
    @inline(__always)
    func open(_ position: Int, startingFrom start: @autoclosure () -> ChannelBooks)
        -> UnsafeMutablePointer<ChannelBooks>
    {
        if let opened = books[position] { return opened }
        let new = UnsafeMutablePointer<ChannelBooks>.allocate(capacity: 1)
        new.initialize(to: start())
        books[position] = new
        return new
    }
}

/// The funding outputs of channels opened in the run, as each of their ends knows them; a standing channel's is an
/// output of the genesis block.
struct FundingTable {
    /// By channel: which output of the genesis block, or which opened channel.
    private let places: UnsafeMutablePointer<UInt32>
    private let opened: UnsafeMutablePointer<Outpoint>
    private let isOpened: (Int) -> Bool

    /// - Parameter opensInRun: by channel.
    init(channelCount: Int, opensInRun: @escaping (Int) -> Bool) {
        isOpened = opensInRun
        places = .allocate(capacity: channelCount)
        var counts: (standing: UInt32, opened: UInt32) = (0, 0)
        for channel in 0..<channelCount {
            if opensInRun(channel) {
                (places + channel).initialize(to: counts.opened)
                counts.opened += 1
            } else {
                (places + channel).initialize(to: counts.standing)
                counts.standing += 1
            }
        }
        opened = .allocate(capacity: 2 * Int(counts.opened))
        opened.initialize(repeating: Chain.genesisOutpoint(0), count: 2 * Int(counts.opened))
    }

    func deallocate() {
        places.deallocate()
        opened.deallocate()
    }

    /// By the raw value of an end's `DirectionIndex`.
    subscript(position: Int) -> Outpoint {
        get {
            let place = places[position / 2]
            return isOpened(position / 2)
                ? opened[2 * Int(place) + position & 1] : Chain.genesisOutpoint(place)
        }
        nonmutating set {
            let place = places[position / 2]
            if isOpened(position / 2) { opened[2 * Int(place) + position & 1] = newValue }
        }
    }
}
