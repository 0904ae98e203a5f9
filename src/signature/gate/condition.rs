//! What must be so of an object where a rule matches, as a tree: a necessary condition, true wherever nothing certain is known.

use super::required::{Alternatives, Head, Literals, MOST, Required};

#[derive(Clone, Debug, PartialEq, Eq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub enum Condition {
    /// Nothing is required.
    Nothing,
    Never,
    All(Vec<Condition>),
    Any(Vec<Condition>),
    /// So many of these.
    Least(usize, Vec<Condition>),
    Head(Head),
    /// Least and most bytes.
    Size(u64, u64),
    /// One of these literals stands in it, by their number.
    OneOf(Vec<u32>),
}

impl Condition {
    /// Whether an object can meet it in which these literals stand, and no others.
    pub fn can_hold(&self, data: &[u8], stands: &impl Fn(u32) -> bool) -> bool {
        match self {
            Self::Nothing => true,
            Self::Never => false,
            Self::All(parts) => parts.iter().all(|part| part.can_hold(data, stands)),
            Self::Any(parts) => parts.iter().any(|part| part.can_hold(data, stands)),
            Self::Least(count, parts) => parts.iter().filter(|part| part.can_hold(data, stands)).take(*count).count() == *count,
            Self::Head(head) => head.stands_in(data),
            Self::Size(least, most) => (*least..=*most).contains(&(data.len() as u64)),
            Self::OneOf(literals) => literals.iter().any(|literal| stands(*literal)),
        }
    }

    /// Whether nothing can meet it in which none of these literals stands.
    pub fn needs_one_of(&self, literals: &[u32]) -> bool {
        let needs = |part: &&Self| part.needs_one_of(literals);
        match self {
            Self::Never => true,
            Self::All(parts) => parts.iter().any(|part| needs(&part)),
            Self::Any(parts) => parts.iter().all(|part| needs(&part)),
            Self::Least(count, parts) => parts.iter().filter(|part| !needs(part)).count() < *count,
            Self::OneOf(list) => list.iter().all(|literal| literals.contains(literal)),
            Self::Nothing | Self::Head(_) | Self::Size(..) => false,
        }
    }

    /// The numbers of the literals that it asks for.
    pub fn literals_mut(&mut self) -> Vec<&mut u32> {
        match self {
            Self::All(parts) | Self::Any(parts) | Self::Least(_, parts) => {
                parts.iter_mut().flat_map(Self::literals_mut).collect()
            }
            Self::OneOf(literals) => literals.iter_mut().collect(),
            _ => Vec::new(),
        }
    }

    /// The same where some literals aren't looked for: nothing is known of what asks for them.
    pub fn without(self, unknown: &impl Fn(u32) -> bool) -> Self {
        let each = |parts: Vec<Self>| parts.into_iter().map(|part| part.without(unknown)).collect();
        match self {
            Self::All(parts) => Self::All(each(parts)),
            Self::Any(parts) => Self::Any(each(parts)),
            Self::Least(count, parts) => Self::Least(count, each(parts)),
            Self::OneOf(literals) if literals.iter().any(|literal| unknown(*literal)) => Self::Nothing,
            known => known,
        }
    }

    /// How many parts it has.
    pub fn parts(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) | Self::Least(_, parts) => {
                parts.iter().fold(1, |sum, part| sum.saturating_add(part.parts()))
            }
            _ => 1,
        }
    }

    /// How many levels it has.
    pub fn depth(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) | Self::Least(_, parts) => {
                parts.iter().map(Self::depth).max().unwrap_or(0).saturating_add(1)
            }
            _ => 1,
        }
    }

    /// The same in short: what tells objects apart best, with the fewest literals.
    pub fn in_short(&self, literals: &Literals) -> Alternatives {
        match self {
            Self::Nothing => Required::NOTHING.into(),
            Self::Never => Alternatives::default(),
            Self::All(parts) => parts
                .iter()
                .fold(Required::NOTHING.into(), |so_far: Alternatives, part| so_far.and(&part.in_short(literals), literals)),
            Self::Any(parts) => parts.iter().fold(Alternatives::default(), |so_far, part| so_far.or(part.in_short(literals))),
            Self::Least(count, parts) => Required::literals(rarest(*count, parts, literals)).into(),
            Self::Head(head) => Required::head(head.clone()).into(),
            Self::Size(least, most) => Required::size(*least, *most).into(),
            Self::OneOf(list) => Required::literals((list.len() <= MOST).then(|| list.clone())).into(),
        }
    }
}

/// Of patterns of which so many match, the rarest ones of which any so many hold one.
fn rarest(count: usize, parts: &[Condition], literals: &Literals) -> Option<Vec<u32>> {
    let enough = (parts.len() + 1).checked_sub(count).filter(|_| count > 0)?;
    let of_one = |part: &Condition| part.in_short(literals).without_others();
    let mut lists: Vec<Vec<u32>> = parts.iter().filter_map(of_one).collect();
    lists.sort_by_key(|list| literals.commonness(list));
    lists.truncate(enough);
    if lists.len() < enough {
        return None;
    }
    let mut all = lists.concat();
    all.sort_unstable();
    all.dedup();
    (all.len() <= MOST).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_holds_where_its_parts_do() {
        use Condition::{All, Any, Head as HeadIs, Least, Never, Nothing, OneOf, Size};
        let holds = |condition: Condition| condition.can_hold(b"MZ..", &|n| n < 3);
        assert!(holds(Nothing) && !holds(Never));
        assert!(holds(OneOf(vec![7, 2])) && !holds(OneOf(vec![7, 3])) && !holds(OneOf(vec![])));
        assert!(holds(Size(4, 4)) && !holds(Size(5, 9)) && !holds(Size(0, 3)));
        let head = |bytes: &[u8]| HeadIs(Head { offset: 0, bytes: bytes.to_vec() });
        assert!(holds(head(b"MZ")) && !holds(head(b"ZM")));
        assert!(holds(All(vec![Nothing, OneOf(vec![1])])) && !holds(All(vec![Nothing, Never])));
        assert!(holds(Any(vec![Never, Nothing])) && !holds(Any(vec![])));
        let some = All(vec![OneOf(vec![9, 1]), Any(vec![OneOf(vec![7]), Least(1, vec![OneOf(vec![1])])])]);
        let known = All(vec![Nothing, Any(vec![OneOf(vec![7]), Least(1, vec![OneOf(vec![1])])])]);
        let of = |list: &[u32]| some.needs_one_of(list);
        assert!(of(&[9, 1]) && of(&[7, 1]) && !of(&[9, 7]) && !of(&[]));
        let three = vec![OneOf(vec![1]), OneOf(vec![9]), OneOf(vec![2])];
        assert!(Least(2, three.clone()).needs_one_of(&[1, 2]) && !Least(2, three.clone()).needs_one_of(&[9]));
        assert_eq!(some.without(&|n| n == 9), known);
        assert!(holds(Least(2, three.clone())) && !holds(Least(3, three)));
    }
}
