/// The candidate a mistyped word most likely meant: the least number of edits, of equals the first. Whether letters
/// are capital counts for nothing.
///
/// Nil where none is near: more than a third of the word's letters would have to change. Candidates whose
/// length alone puts them out of reach are skipped, so that 20,000 node names take milliseconds.
package func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
    // Hostile names must not make an error slow: at most 100,000 comparisons of 40 letters each.
    let (lettersMaximum, candidatesMaximum) = (40, 100_000)
    let letters = lowercase(word.utf8.prefix(lettersMaximum))
    let reach = max(1, letters.count / 3)
    var best: (name: String, edits: Int)?
    for candidate in candidates.prefix(candidatesMaximum) {
        let count = candidate.utf8.count
        guard count > 0, abs(count - letters.count) <= reach else { continue }
        let edits = editDistance(letters, lowercase(candidate.utf8))
        if edits <= reach, edits < count, edits < best?.edits ?? .max { best = (candidate, edits) }
    }
    return best?.name
}

/// Of ASCII's letters alone: no key has others, and a name's are compared as they are.
private func lowercase(_ text: some Sequence<UInt8>) -> [UInt8] {
    text.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
}

/// The number of insertions, deletions, replacements and swaps of neighbours that make one word the other
/// (optimal string alignment). Time and space grow with the product and the length of the words.
func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var beforeLast = [Int](repeating: 0, count: b.count + 1)
    var last = Array(0...b.count)
    var current = beforeLast
    for i in a.indices {
        current[0] = i + 1
        for j in b.indices {
            let replaced = last[j] + (a[i] == b[j] ? 0 : 1)
            current[j + 1] = min(replaced, last[j + 1] + 1, current[j] + 1)
            if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
                current[j + 1] = min(current[j + 1], beforeLast[j - 1] + 1)
            }
        }
        (beforeLast, last, current) = (last, current, beforeLast)
    }
    return last[b.count]
}

/// `; did you mean 'x'?`, or nothing.
func suggestion(for word: String, among candidates: some Sequence<String>) -> String {
    nearest(to: word, among: candidates).map { "; did you mean \(quoted($0))?" } ?? ""
}
