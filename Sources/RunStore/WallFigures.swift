/// What a run cost in real time and memory: the only figures that differ between two runs of one command.
public struct WallFigures: Sendable {
    /// Seconds of the whole command so far, and of it the part before the first event.
    public var wallSeconds: Double
    public var loadingSeconds: Double
    /// Seconds from the first event to the last.
    public var simulatingSeconds: Double
    public var eventsPerSecond: Double
    /// Settled payments per second of simulating.
    public var paymentsPerSecond: Double
    /// The most memory the process had at once, in bytes; nil where the system does not say.
    public var memoryPeak: UInt64?

    public init(
        wallSeconds: Double, loadingSeconds: Double, simulatingSeconds: Double, eventsPerSecond: Double,
        paymentsPerSecond: Double, memoryPeak: UInt64?
    ) {
        self.wallSeconds = wallSeconds
        self.loadingSeconds = loadingSeconds
        self.simulatingSeconds = simulatingSeconds
        self.eventsPerSecond = eventsPerSecond
        self.paymentsPerSecond = paymentsPerSecond
        self.memoryPeak = memoryPeak
    }

    var json: JSONValue {
        [
            "wall_seconds": .number(wallSeconds),
            "loading_seconds": .number(loadingSeconds),
            "simulating_seconds": .number(simulatingSeconds),
            "events_per_second": .number(eventsPerSecond),
            "payments_per_second": .number(paymentsPerSecond),
            "memory_peak_bytes": JSONValue(memoryPeak),
        ]
    }
}
