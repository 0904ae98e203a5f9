//! Stores made for tests, by MS-PST: messages without the folders that would show them. Other programs recover the
//! messages as lost ones.

use super::cipher::Cipher;

/// Versions in the header: ANSI, Unicode, pages of 4 KiB.
pub const ANSI: u16 = 14;
pub const UNICODE: u16 = 23;
pub const LARGE: u16 = 36;

/// A property's value.
pub enum Value {
    Number(u32),
    Text(&'static str),
    /// In the code page.
    Narrow(&'static [u8]),
    Bytes(Vec<u8>),
    /// A message in an attachment.
    Inside,
}

pub struct Object {
    pub properties: Vec<(u16, Value)>,
    /// Attachments of a message, the message in an attachment.
    pub inside: Vec<Object>,
}

/// A store, and what is known of it while it grows.
struct Store {
    version: u16,
    cipher: Cipher,
    out: Vec<u8>,
    /// Number, place, length.
    blocks: Vec<(u64, u64, usize)>,
    /// Number, data, nodes under it.
    nodes: Vec<(u32, u64, u64)>,
    last: u64,
}

pub fn store(version: u16, cipher: Cipher, messages: &[Object]) -> Vec<u8> {
    let mut store = Store { version, cipher, out: vec![0; 0x4600], blocks: Vec::new(), nodes: Vec::new(), last: 0 };
    for (i, message) in messages.iter().enumerate() {
        let (data, under) = store.object(message);
        store.nodes.push((((0x10000 + i as u32) << 5) | 4, data, under));
    }
    let nodes: Vec<Vec<u8>> = std::mem::take(&mut store.nodes)
        .into_iter()
        .map(|(number, data, under)| {
            [store.number(u64::from(number)), store.number(data), store.number(under), vec![0; store.wide()]].concat()
        })
        .collect();
    let nodes = store.tree(0x81, &nodes);
    let mut blocks = std::mem::take(&mut store.blocks);
    blocks.sort_unstable();
    let blocks: Vec<Vec<u8>> = blocks
        .into_iter()
        .map(|(number, at, length)| {
            let mut entry = [store.number(number), store.number(at)].concat();
            entry.extend((length as u16).to_le_bytes());
            entry.extend((if version == LARGE { length as u16 } else { 2 }).to_le_bytes());
            entry.resize(store.wide() * 3, 0);
            entry
        })
        .collect();
    let blocks = store.tree(0x80, &blocks);
    store.header(nodes, blocks);
    store.out
}

impl Store {
    fn wide(&self) -> usize {
        if self.version == ANSI { 4 } else { 8 }
    }

    fn number(&self, n: u64) -> Vec<u8> {
        n.to_le_bytes()[..self.wide()].to_vec()
    }

    fn header(&mut self, nodes: (u64, u64), blocks: (u64, u64)) {
        let size = self.out.len() as u64;
        let mut put = |at: usize, bytes: &[u8]| self.out[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, b"!BDN");
        put(8, b"SM");
        put(10, &self.version.to_le_bytes());
        put(12, &[19, 0, 1, 1]);
        let number = match self.cipher {
            Cipher::None => 0,
            Cipher::Permute => 1,
            Cipher::Cyclic => 2,
        };
        if self.version == ANSI {
            for (at, n) in [(168, size), (184, nodes.1), (188, nodes.0), (192, blocks.1), (196, blocks.0)] {
                put(at, &(n as u32).to_le_bytes());
            }
            put(460, &[0x80, number]);
        } else {
            for (at, n) in [(184, size), (192, 0x4400), (216, nodes.1), (224, nodes.0), (232, blocks.1), (240, blocks.0)] {
                put(at, &n.to_le_bytes());
            }
            put(512, &[0x80, number]);
            let partial = crc(&self.out[8..479]);
            self.out[4..8].copy_from_slice(&partial.to_le_bytes());
            let whole = crc(&self.out[8..524]);
            self.out[524..528].copy_from_slice(&whole.to_le_bytes());
        }
    }

    /// A block, or a tree of blocks where it is too long for one.
    fn data(&mut self, data: &[u8]) -> u64 {
        if data.len() <= 8000 {
            return self.block(data, false);
        }
        let list: Vec<u64> = data.chunks(8000).map(|chunk| self.block(chunk, false)).collect();
        let mut block = vec![1, 1];
        block.extend((list.len() as u16).to_le_bytes());
        block.extend((data.len() as u32).to_le_bytes());
        list.iter().for_each(|n| block.extend(self.number(*n)));
        self.block(&block, true)
    }

    fn block(&mut self, data: &[u8], internal: bool) -> u64 {
        self.last += 4;
        let number = self.last | u64::from(internal) << 1;
        let mut stored = data.to_vec();
        if !internal {
            self.cipher.encode(&mut stored, number);
        }
        let plain = stored.len();
        let (unit, trailer) = match self.version {
            ANSI => (64, 12),
            LARGE => (512, 24),
            _ => (64, 16),
        };
        // What is packed is packed behind the cipher.
        if self.version == LARGE && plain > 100 {
            use std::io::Write;
            let mut packer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
            packer.write_all(&stored).unwrap();
            stored = packer.finish().unwrap();
        }
        let length = stored.len();
        self.out.resize(self.out.len().next_multiple_of(unit), 0);
        let at = self.out.len() as u64;
        let whole = (length + trailer).next_multiple_of(unit);
        let sum = crc(&stored);
        stored.resize(whole - trailer, 0);
        stored.extend((length as u16).to_le_bytes());
        stored.extend(sign(at, number).to_le_bytes());
        if self.version == ANSI {
            stored.extend((number as u32).to_le_bytes());
            stored.extend(sum.to_le_bytes());
        } else {
            stored.extend(sum.to_le_bytes());
            stored.extend(number.to_le_bytes());
        }
        if self.version == LARGE {
            stored.extend([0, 0]);
            stored.extend((plain as u16).to_le_bytes());
            stored.extend([0; 4]);
        }
        self.out.extend(stored);
        self.blocks.push((number, at, length));
        number
    }

    /// Leaves of four entries, and a page above them. The place and number of the top.
    fn tree(&mut self, kind: u8, entries: &[Vec<u8>]) -> (u64, u64) {
        let mut above = Vec::new();
        for leaf in entries.chunks(4) {
            let (at, number) = self.page(kind, 0, leaf);
            above.push([leaf[0][..self.wide()].to_vec(), self.number(number), self.number(at)].concat());
        }
        self.page(kind, 1, &above)
    }

    fn page(&mut self, kind: u8, level: u8, entries: &[Vec<u8>]) -> (u64, u64) {
        self.last += 4;
        let number = self.last;
        let (size, counts, trailer) = match self.version {
            ANSI => (512, 496, 500),
            LARGE => (4096, 4056, 4072),
            _ => (512, 488, 496),
        };
        self.out.resize(self.out.len().next_multiple_of(size), 0);
        let at = self.out.len() as u64;
        let width = entries[0].len();
        let mut page = entries.concat();
        page.resize(size, 0);
        let most = counts / width;
        if self.version == LARGE {
            page[counts..counts + 2].copy_from_slice(&(entries.len() as u16).to_le_bytes());
            page[counts + 2..counts + 6].copy_from_slice(&[most as u8, 0, width as u8, level]);
        } else {
            page[counts..counts + 4].copy_from_slice(&[entries.len() as u8, most as u8, width as u8, level]);
        }
        page[trailer..trailer + 2].copy_from_slice(&[kind, kind]);
        page[trailer + 2..trailer + 4].copy_from_slice(&sign(at, number).to_le_bytes());
        let sum = crc(&page[..trailer]).to_le_bytes();
        let number_bytes = self.number(number);
        let behind = if self.version == ANSI { [number_bytes, sum.to_vec()] } else { [sum.to_vec(), number_bytes] }.concat();
        page[trailer + 4..trailer + 4 + behind.len()].copy_from_slice(&behind);
        self.out.extend(page);
        (at, number)
    }

    /// The block of an object's properties, and of the nodes under it.
    fn object(&mut self, object: &Object) -> (u64, u64) {
        let mut under: Vec<(u32, u64, u64)> = Vec::new();
        for (i, inside) in object.inside.iter().enumerate() {
            let (data, nodes) = self.object(inside);
            // An attachment has a message inside, a message has attachments.
            let kind = if object.properties.iter().any(|(_, v)| matches!(v, Value::Inside)) { 4 } else { 5 };
            under.push((((0x20 + i as u32) << 5) | kind, data, nodes));
        }
        let (mut items, mut entries) = (Vec::new(), Vec::new());
        for (property, value) in &object.properties {
            let (kind, bytes) = match value {
                Value::Number(n) => {
                    entries.push((*property, 3_u16, *n));
                    continue;
                }
                Value::Text(text) => (0x1f, text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
                Value::Narrow(text) => (0x1e, text.to_vec()),
                Value::Bytes(bytes) => (0x102, bytes.clone()),
                Value::Inside => (0xd, [under[0].0.to_le_bytes(), [0; 4]].concat()),
            };
            if bytes.len() > 1000 {
                let number = ((0x400 + under.len() as u32) << 5) | 0x1f;
                under.push((number, self.data(&bytes), 0));
                entries.push((*property, kind, number));
            } else {
                items.push(bytes);
                entries.push((*property, kind, (items.len() as u32 + 2) << 5));
            }
        }
        entries.sort_unstable();
        let list: Vec<u8> =
            entries.iter().flat_map(|(p, k, v)| [&p.to_le_bytes()[..], &k.to_le_bytes(), &v.to_le_bytes()].concat()).collect();
        let mut all = vec![vec![0xb5, 2, 6, 0, 0x40, 0, 0, 0], list];
        all.extend(items);
        let mut heap = vec![0, 0, 0xec, 0xbc, 0x20, 0, 0, 0, 0, 0, 0, 0];
        let mut places = Vec::new();
        for item in &all {
            places.push(heap.len() as u16);
            heap.extend(item);
        }
        places.push(heap.len() as u16);
        heap.resize(heap.len().next_multiple_of(2), 0);
        let map = heap.len() as u16;
        heap[..2].copy_from_slice(&map.to_le_bytes());
        heap.extend((all.len() as u16).to_le_bytes());
        heap.extend([0, 0]);
        places.iter().for_each(|p| heap.extend(p.to_le_bytes()));
        let data = self.data(&heap);
        if under.is_empty() {
            return (data, 0);
        }
        under.sort_unstable();
        let mut block = vec![2, 0];
        block.extend((under.len() as u16).to_le_bytes());
        block.resize(if self.version == ANSI { 4 } else { 8 }, 0);
        for (number, data, nodes) in under {
            block.extend([self.number(u64::from(number)), self.number(data), self.number(nodes)].concat());
        }
        (data, self.block(&block, true))
    }
}

/// The sum of 5.3: CRC-32 that begins and ends with zeros.
fn crc(data: &[u8]) -> u32 {
    data.iter()
        .fold(0, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |n, _| if n & 1 == 1 { n >> 1 ^ 0xedb8_8320 } else { n >> 1 }))
}

/// The signature of 5.5.
fn sign(at: u64, number: u64) -> u16 {
    let n = at as u32 ^ number as u32;
    (n >> 16) as u16 ^ n as u16
}
