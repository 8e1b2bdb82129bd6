import Foundation

/// The C library's, which no model may use: its last bits differ between machines.
func referenceLog(_ x: Double) -> Double { log(x) }
func referenceExp(_ x: Double) -> Double { exp(x) }
