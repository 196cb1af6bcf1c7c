//! What people are told while they wait for a server.

/// Told what takes long before a server is there.
#[cfg_attr(not(feature = "containers"), expect(dead_code, reason = "only images take long"))]
pub(crate) trait News {
    /// Something that takes a while has begun.
    fn begin(&self, what: &str);
    /// How far it is by now, many times over: for whoever can write over it.
    fn go_on(&self, what: &str);
    /// Something that people should know even when all is over.
    fn note(&self, what: &str);
}

/// Tells nobody anything.
pub(crate) struct Silence;

impl News for Silence {
    fn begin(&self, _: &str) {}
    fn go_on(&self, _: &str) {}
    fn note(&self, _: &str) {}
}
