import LightningTypes
import PaymentNetwork
import RunStore

/// What became of a network day by day: whether payments still settle, and where the money went.
struct DayTable {
    private let days: [Day]
    private let style: TextStyle

    /// A day's payments, and the network at its end.
    private struct Day {
        var number: Int
        var settled: UInt64 = 0
        var failed: UInt64 = 0
        var volume = Millisatoshi.zero
        var fees = Millisatoshi.zero
        var network = NetworkSample()

        var success: Double? { settled + failed == 0 ? nil : Double(settled) / Double(settled + failed) }

        static func days(of timeline: [TimelineRecord]) -> [Day] {
            var days: [Day] = []
            for hour in timeline {
                let number = Int(hour.hour) / 24
                if number == days.count { days.append(Day(number: number)) }
                days[number].settled += hour.settled
                days[number].failed += hour.failed
                days[number].volume += hour.volume
                days[number].fees += hour.fees
                days[number].network = hour.network
            }
            return days
        }
    }

    init(_ timeline: [TimelineRecord], style: TextStyle) {
        days = Day.days(of: timeline)
        self.style = style
    }

    /// Empty for a run of less than two days, of which the rest of the report says as much.
    func lines() -> [String] {
        guard days.count > 1 else { return [] }
        var table = TextTable(columns: [
            .init("day"), .init("payments"), .init("success"), .init("fees, sat"), .init("HTLCs pending"),
            .init("depleted"), .init("net drift, sat"),
        ])
        for day in days {
            let share = Double(day.network.depletedDirections) / Double(max(day.network.openDirections, 1))
            table.rows.append([
                .init(Figures.count(UInt64(day.number + 1))), .init(Figures.count(day.settled + day.failed)),
                .init(Figures.percent(day.success, places: 1)),
                .init(Figures.satoshis(day.fees, decimals: false)),
                .init(Figures.count(day.network.pendingHTLCs)), .init(Figures.percent(share, places: 1)),
                .init(Figures.satoshis(day.network.drift, decimals: false)),
            ])
        }
        return ["", style.bold("Day by day")] + table.lines(style: style) + [
            "depleted   open channel directions in which less than 1 % of the capacity could be sent at the end of the day",
            "net drift  what some nodes hold more in their channels than at the beginning, and others less",
        ]
    }

    static func json(of timeline: [TimelineRecord]) -> JSONValue {
        .array(
            Day.days(of: timeline).map { day in
                [
                    "day": JSONValue(day.number),
                    "settled": .unsigned(day.settled),
                    "failed": .unsigned(day.failed),
                    "volume_msat": .unsigned(day.volume.rawValue),
                    "fees_msat": .unsigned(day.fees.rawValue),
                    "pending_htlcs": .unsigned(day.network.pendingHTLCs),
                    "depleted_directions": .unsigned(day.network.depletedDirections),
                    "open_directions": .unsigned(day.network.openDirections),
                    "drift_msat": .unsigned(day.network.drift.rawValue),
                ]
            })
    }
}
