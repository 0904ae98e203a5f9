//! Tapes written by hand.

/// A header whose fields are given as they are stored.
pub struct Head<'a> {
    pub name: &'a [u8],
    pub kind: u8,
    pub size: [u8; 12],
    pub link: &'a [u8],
}

pub fn octal(value: u64) -> [u8; 12] {
    let digits = format!("{value:011o}\0");
    digits.as_bytes().try_into().expect("eleven digits")
}

/// GNU's binary numbers.
pub fn binary(value: i64) -> [u8; 12] {
    let mut field = if value < 0 { [0xff; 12] } else { [0; 12] };
    field[4..].copy_from_slice(&value.to_be_bytes());
    field[0] |= 0x80;
    field
}

impl Head<'_> {
    pub fn block(&self) -> [u8; 512] {
        self.block_with(&|_| {})
    }

    /// `change` sees the header before its checksum is made.
    pub fn block_with(&self, change: &dyn Fn(&mut [u8; 512])) -> [u8; 512] {
        let mut block = [0; 512];
        let name = &self.name[..self.name.len().min(100)];
        block[..name.len()].copy_from_slice(name);
        block[100..107].copy_from_slice(b"0000644");
        block[108..115].copy_from_slice(b"0000000");
        block[116..123].copy_from_slice(b"0000000");
        block[124..136].copy_from_slice(&self.size);
        block[136..147].copy_from_slice(b"14000000000");
        block[156] = self.kind;
        block[157..157 + self.link.len()].copy_from_slice(self.link);
        block[257..265].copy_from_slice(b"ustar\x0000");
        change(&mut block);
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|b| u32::from(*b)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        block
    }
}

pub fn padded(content: &[u8]) -> Vec<u8> {
    let mut bytes = content.to_vec();
    bytes.resize(content.len().next_multiple_of(512), 0);
    bytes
}

pub fn entry(name: &[u8], kind: u8, content: &[u8]) -> Vec<u8> {
    let head = Head { name, kind, size: octal(content.len() as u64), link: b"" };
    [&head.block()[..], &padded(content)].concat()
}

pub fn file(name: &[u8], content: &[u8]) -> Vec<u8> {
    entry(name, b'0', content)
}

pub fn link(name: &[u8], kind: u8, link: &[u8]) -> Vec<u8> {
    Head { name, kind, size: octal(0), link }.block().to_vec()
}

/// One pax record with the length that counts itself.
pub fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let length = (1..12).map(|digits| rest + digits).find(|n| n.to_string().len() + rest == *n).expect("a length");
    [length.to_string().as_bytes(), b" ", key.as_bytes(), b"=", value, b"\n"].concat()
}

pub fn pax(kind: u8, records: &[Vec<u8>]) -> Vec<u8> {
    entry(b"pax", kind, &records.concat())
}

pub fn tape(entries: &[Vec<u8>]) -> Vec<u8> {
    [&entries.concat()[..], &[0; 1024]].concat()
}

/// A GNU sparse file of the old sort with these segments.
pub fn old_sparse(segments: &[(u64, u64)], real_size: u64, content: &[u8]) -> Vec<u8> {
    let head = Head { name: b"disk.img", kind: b'S', size: octal(content.len() as u64), link: b"" };
    let block = head.block_with(&|block| {
        for (i, (offset, length)) in segments.iter().enumerate() {
            block[386 + 24 * i..398 + 24 * i].copy_from_slice(&binary(*offset as i64));
            block[398 + 24 * i..410 + 24 * i].copy_from_slice(&binary(*length as i64));
        }
        block[483..495].copy_from_slice(&binary(real_size as i64));
    });
    [&block[..], &padded(content)].concat()
}
