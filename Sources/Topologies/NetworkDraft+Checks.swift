import LightningTypes

extension NetworkDraft {
    /// No short channel id stands twice.
    ///
    /// - Parameter error: makes one about the channel of an index.
    func checkShortChannelIDs(_ error: (Int, String) -> TopologyError) throws(TopologyError) {
        let order = channels.indices.sorted {
            (channels[$0].shortChannelID, $0) < (channels[$1].shortChannelID, $1)
        }
        for (first, second) in zip(order, order.dropFirst())
        where channels[first].shortChannelID == channels[second].shortChannelID {
            throw error(second, "the short channel id \(channels[second].shortChannelID) stands twice")
        }
    }
}
