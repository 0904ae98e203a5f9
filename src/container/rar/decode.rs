//! From packed bytes to content, by the decoders of the `rars` crate. They push what they decode.

use std::io::{self, Read, Write};

use rars::codec::rar13::Unpack15;
use rars::codec::rar20::Unpack20;
use rars::codec::rar29::Unpack29;
use rars::codec::rar50::{DecodedChunk, StreamDecodeError, Unpack50Decoder};
use rars::codec::{self};

use super::entry::Method;
use crate::container::meter::{Fault, fault_of};
use crate::model::GapReason;

/// A decoder with what it remembers of the members before.
#[derive(Clone)]
pub(super) enum Decoder {
    Rar15(Box<Unpack15>),
    Rar20(Box<Unpack20>),
    Rar29(Box<Unpack29>),
    Rar50(Box<Unpack50Decoder>),
}

/// What is to be decoded.
#[derive(Clone, Copy)]
pub(super) struct Task {
    pub method: Method,
    pub size: u64,
    /// Goes on with the window of the member before.
    pub solid: bool,
}

impl Decoder {
    /// None where nothing decodes it.
    pub(super) fn new(method: Method) -> Option<Self> {
        match method {
            Method::Rar15 => Some(Self::Rar15(Box::new(Unpack15::new()))),
            Method::Rar20 => Some(Self::Rar20(Box::new(Unpack20::new()))),
            Method::Rar29 => Some(Self::Rar29(Box::new(Unpack29::new()))),
            Method::Rar50 { .. } => Some(Self::Rar50(Box::new(Unpack50Decoder::new()))),
            Method::Stored | Method::Unknown => None,
        }
    }

    pub(super) fn fits(&self, method: Method) -> bool {
        matches!(
            (self, method),
            (Self::Rar15(_), Method::Rar15)
                | (Self::Rar20(_), Method::Rar20)
                | (Self::Rar29(_), Method::Rar29)
                | (Self::Rar50(_), Method::Rar50 { .. })
        )
    }

    /// Whether it begins anew by itself for a member that doesn't go on.
    pub(super) fn resets(&self) -> bool {
        matches!(self, Self::Rar29(_) | Self::Rar50(_))
    }

    /// Decodes one member; `out` may end it with an error.
    pub(super) fn decode(&mut self, task: Task, mut input: &mut dyn Read, mut out: &mut dyn Write) -> Result<(), Fault> {
        let input = &mut input;
        let size = usize::try_from(task.size).map_err(|_| too_large())?;
        match self {
            Self::Rar15(decoder) => decoder.decode_member_from_reader(input, size, task.solid, &mut out).map_err(|e| fault(&e)),
            Self::Rar20(decoder) => decoder.decode_member_from_reader(input, size, &mut out).map_err(|e| fault(&e)),
            Self::Rar29(decoder) if task.solid => decoder.decode_member_from_reader(input, size, &mut out).map_err(|e| fault(&e)),
            Self::Rar29(decoder) => decoder.decode_non_solid_member_from_reader(input, size, &mut out).map_err(|e| fault(&e)),
            Self::Rar50(decoder) => {
                let Method::Rar50 { version, dictionary } = task.method else { return Err(unsupported()) };
                let dictionary = usize::try_from(dictionary).map_err(|_| too_large())?;
                let sink = |chunk: DecodedChunk<'_>| match chunk {
                    DecodedChunk::Bytes(bytes) => out.write_all(bytes),
                    DecodedChunk::Repeated { byte, len } => io::copy(&mut io::repeat(byte).take(len as u64), &mut out).map(drop),
                };
                let done =
                    decoder.decode_member_from_reader_with_dictionary_to_sink(input, version, size, dictionary, task.solid, sink);
                done.map_err(|e| match e {
                    StreamDecodeError::Decode(e) => fault(&e),
                    StreamDecodeError::Sink(e) => fault_of(&e),
                    StreamDecodeError::FilteredMember => unsupported(),
                })
            }
        }
    }
}

fn unsupported() -> Fault {
    Fault::new(GapReason::UnsupportedMethod, "the compression method is not supported")
}

pub(super) fn too_large() -> Fault {
    Fault::new(GapReason::LimitMemory, "the decoder asks for more memory than it may take")
}

/// The crate's error, without its words.
fn fault(err: &codec::Error) -> Fault {
    match err {
        codec::Error::NeedMoreInput => Fault::new(GapReason::Malformed, "the data end too early"),
        codec::Error::WorkspaceLimitExceeded(_) => too_large(),
        _ => Fault::new(GapReason::Malformed, "the data are damaged"),
    }
}
