/// Which nodes a table of incomes shows one by one; the rest share a row.
public struct IncomeRows: Sendable {
    /// So many of the highest nets.
    public var top: Int
    /// Nodes shown whatever they earned, by their index in the topology.
    public var named: Set<Int32>

    public init(top: Int, named: Set<Int32> = []) {
        self.top = top
        self.named = named
    }
}
