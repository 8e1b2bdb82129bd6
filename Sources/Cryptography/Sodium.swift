import CSodium

/// Runs libsodium's `sodium_init` once in the process, before the first use that profits from it.
///
/// A global's initialiser runs once, whichever threads race for it, and `sodium_init` may be called again by
/// someone else (it then returns 1). It chooses the fastest BLAKE2b and field arithmetic for this processor.
let sodiumIsReady: Void = {
    precondition(sodium_init() >= 0, "libsodium could not be initialised")
}()
