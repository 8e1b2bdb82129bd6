import EventSimulation

/// An event as long as the network's: 64 bytes with its key.
struct LongHop: EventPayload {
    var attachment = Attachment.none
    var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    func fold(into digest: inout Digest) {}
}

/// The hold model (Jones, "An empirical comparison of priority-queue and event-set implementations", CACM 29, 1986):
/// the first event is taken out and another one put in, at a constant number of pending events. Both queues hand out
/// the same events in the same order; the sum of their times says so.
private struct Hold {
    var random = PHOLD.Process(random: 7)
    var sum: UInt64 = 0
    var sequence: UInt64 = 0

    @inline(__always) mutating func event(after time: UInt64) -> Event<LongHop> {
        sequence += 1
        let delay = PHOLD.lookahead + PHOLD.exponentialDelay(random.next())
        return Event(
            key: EventKey(time: time + delay, source: UInt32(sequence & 0xFFFF), sequence: sequence),
            destination: 0, payload: LongHop())
    }

    mutating func heap(pending: Int, holds: Int) -> Measurement {
        var queue = EventHeap<LongHop>(capacity: pending)
        for _ in 0..<pending { queue.insert(event(after: 0)) }
        return Measurement.once {
            for _ in 0..<holds {
                let event = queue.popFirst()
                sum &+= event.key.time
                queue.insert(self.event(after: event.key.time))
            }
        }.0
    }

    mutating func calendar(pending: Int, holds: Int) -> Measurement {
        var queue = CalendarQueue<LongHop>(width: PHOLD.lookahead)
        for _ in 0..<pending { queue.insert(event(after: 0)) }
        var left = holds
        return Measurement.once {
            while left > 0, let window = queue.nextWindow {
                queue.open(window)
                while left > 0, let event = queue.popInWindow() {
                    sum &+= event.key.time
                    queue.insert(self.event(after: event.key.time))
                    left -= 1
                }
            }
        }.0
    }
}

func benchmarkQueues(repetitions: Int) {
    let table = Table(
        "Queues: nanoseconds a hold (take the first event, put in another), best of \(repetitions)",
        ["pending events of 64 bytes", "calendar", "heap", "ratio", "sum of times"])
    for pending in [20, 20_000, 200_000, 1_000_000] {
        let holds = 4_000_000
        var best = (calendar: Double.infinity, heap: Double.infinity)
        var sum: UInt64 = 0
        for _ in 0..<repetitions {
            var (first, second) = (Hold(), Hold())
            best.calendar = min(best.calendar, first.calendar(pending: pending, holds: holds).wall)
            best.heap = min(best.heap, second.heap(pending: pending, holds: holds).wall)
            precondition(first.sum == second.sum, "the two queues do not agree")
            sum = first.sum
        }
        table.row([
            "\(pending)", (best.calendar / Double(holds) * 1e9).text(1),
            (best.heap / Double(holds) * 1e9).text(1),
            (best.heap / best.calendar).text(), sum.hexadecimal,
        ])
    }
}
