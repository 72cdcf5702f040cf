//! Compiled code with what the host has to know of it before it makes an instance.

/// Compiled code, as it is stored and sent.
#[derive(Debug)]
pub(in crate::sandbox) struct Compiled(Vec<u8>);

impl Compiled {
    /// The bytes before the code: the size of an instance on the host.
    pub(in crate::sandbox) const SIZE_BYTES: usize = 8;

    /// `instance_bytes` is what the parts of an instance take on the host, without its memories and tables.
    pub(super) fn new(instance_bytes: u64, code: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(Self::SIZE_BYTES + code.len());
        bytes.extend_from_slice(&instance_bytes.to_le_bytes());
        bytes.extend_from_slice(code);
        Self(bytes)
    }

    /// Bytes that [`bytes`](Self::bytes) returned.
    pub(in crate::sandbox) fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes to store or to send.
    pub(in crate::sandbox) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The size of an instance on the host, and the serialized component; none if the bytes are cut short.
    pub(in crate::sandbox) fn parts(&self) -> Option<(usize, &[u8])> {
        let (size, code) = self.0.split_first_chunk()?;
        Some((Self::instance_bytes(*size), code))
    }

    /// The size of an instance on the host, from the bytes before the code.
    pub(in crate::sandbox) fn instance_bytes(size: [u8; Self::SIZE_BYTES]) -> usize {
        usize::try_from(u64::from_le_bytes(size)).unwrap_or(usize::MAX)
    }
}
