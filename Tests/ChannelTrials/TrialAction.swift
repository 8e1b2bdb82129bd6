/// What one byte of a trial's input asks for; what cannot be done at the moment is left undone.
///
/// The five lowest bits say what, the three others to whom, how much or how far.
enum TrialAction: Hashable {
    /// Somebody pays somebody, over one channel or two.
    case offer(route: Int, size: Int)
    case commit(end: Int)
    /// The next message on its way to an end arrives; or all that are on their way now.
    case deliver(end: Int)
    case deliverAll(end: Int)
    /// A payee does something about an HTLC that it holds.
    case fulfil(node: Int)
    case fail(node: Int)
    case failMalformed(node: Int)
    case disconnect(link: Int)
    case reconnect(link: Int)
    case updateFee(link: Int, rate: Int)
    /// A node restarts from the state it saved last.
    case restart(node: Int)
    case backUp(node: Int)
    /// A node restarts from its backup, which may be stale.
    case restore(node: Int)
    case mine(blocks: Int)
    case mineEmpty
    case reorganise(depth: Int)
    case close(end: Int)
    case giveUp(end: Int)
    /// An end publishes a commitment that it has revoked: its oldest or its newest.
    case cheat(end: Int, oldest: Bool)
    case switchTower(node: Int)
    /// A node goes away, and is back.
    case comeOrGo(node: Int)
    /// Messages are delivered and changes signed for until nothing is left to say.
    case settle

    init(_ byte: UInt8) {
        let argument = Int(byte >> 5)
        switch byte & 31 {
        case 0...5: self = .offer(route: Int(byte & 31), size: argument)
        case 6: self = .commit(end: argument & 3)
        case 7...9: self = .deliver(end: argument & 3)
        case 10: self = .deliverAll(end: argument & 3)
        case 11, 12: self = .fulfil(node: argument % 3)
        case 13: self = .fail(node: argument % 3)
        case 14: self = .failMalformed(node: argument % 3)
        case 15: self = .disconnect(link: argument & 1)
        case 16: self = .reconnect(link: argument & 1)
        case 17: self = .updateFee(link: argument & 1, rate: argument >> 1)
        case 18: self = .restart(node: argument % 3)
        case 19: self = .backUp(node: argument % 3)
        case 20: self = .restore(node: argument % 3)
        case 21: self = argument == 7 ? .mineEmpty : .mine(blocks: 1)
        case 22: self = .mine(blocks: 3 + 6 * argument)
        case 23: self = .reorganise(depth: 1 + argument % 6)
        case 24: self = .close(end: argument & 3)
        case 25: self = .giveUp(end: argument & 3)
        case 26: self = .cheat(end: argument & 3, oldest: argument & 4 == 0)
        case 27: self = .switchTower(node: argument % 3)
        case 28: self = .comeOrGo(node: argument % 3)
        default: self = .settle
        }
    }
}
