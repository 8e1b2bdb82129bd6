import LightningTypes

extension Topology {
    /// Lets every channel stand open from the beginning and stay open: one that the run would open with what its
    /// opening would put on either side.
    ///
    /// Where nothing opens nobody needs a wallet: the money that was to be in the channels is there already.
    public mutating func openFromTheBeginning() {
        for index in channels.indices {
            channels[index].closesAt = nil
            guard channels[index].opensAt != nil else { continue }
            let whole = Millisatoshi(channels[index].capacity)
            let pushed = channels[index].pushed
            channels[index].balance1 = channels[index].funder == .second ? pushed : whole - pushed
            channels[index].pushed = .zero
            channels[index].opensAt = nil
        }
        for index in nodes.indices { nodes[index].wallet = nil }
    }
}
