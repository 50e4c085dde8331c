//! Pages of text: A4, two weights of a typewriter face that every reader has, so that columns stand
//! under each other without measuring. Characters beyond Western European ones are shown as `?`.

use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str};

const WIDTH: i16 = 595;
const HEIGHT: i16 = 842;
const MARGIN: i16 = 50;
const LEADING: i16 = 13;
const SIZE: i16 = 9;
/// Lines of a page; the last one above the margin is the page's number.
const LINES: usize = 54;
/// Characters of a line.
pub(super) const COLUMNS: usize = 91;
const FACES: [(Name<'static>, Name<'static>); 2] =
    [(Name(b"F0"), Name(b"Courier")), (Name(b"F1"), Name(b"Courier-Bold"))];

/// A line of text.
pub(super) enum Line {
    Bold(String),
    Plain(String),
}

/// What stands left and what right on one line.
pub(super) fn apart(left: &str, right: &str) -> String {
    let width = COLUMNS.saturating_sub(right.chars().count() + 1);
    let left: String = left.chars().take(width).collect();
    format!("{left:<width$} {right}")
}

/// The document, with numbered pages.
pub(super) fn document(lines: &[Line]) -> Vec<u8> {
    let mut pdf = Pdf::new();
    let (catalog, tree) = (Ref::new(1), Ref::new(2));
    let fonts = [Ref::new(3), Ref::new(4)];
    let pages: Vec<&[Line]> = if lines.is_empty() { vec![&[]] } else { lines.chunks(LINES).collect() };
    let mut next = Ref::new(5);
    let ids: Vec<(Ref, Ref)> = pages.iter().map(|_| (next.bump(), next.bump())).collect();
    pdf.catalog(catalog).pages(tree);
    pdf.pages(tree).kids(ids.iter().map(|(page, _)| *page)).count(number(pages.len()));
    for (font, (_, face)) in fonts.iter().zip(FACES) {
        pdf.type1_font(*font).base_font(face).encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    for (at, (lines, (id, content))) in pages.iter().zip(&ids).enumerate() {
        let mut page = pdf.page(*id);
        page.media_box(Rect::new(0.0, 0.0, WIDTH.into(), HEIGHT.into()));
        page.parent(tree);
        page.contents(*content);
        let mut resources = page.resources();
        let mut named = resources.fonts();
        for (font, (name, _)) in fonts.iter().zip(FACES) {
            named.pair(name, *font);
        }
        named.finish();
        resources.finish();
        page.finish();
        let footer = apart("", &format!("{} / {}", at + 1, pages.len()));
        pdf.stream(*content, &text(lines, &footer));
    }
    pdf.finish()
}

fn text(lines: &[Line], footer: &str) -> Vec<u8> {
    let mut content = Content::new();
    content.begin_text();
    content.set_leading(LEADING.into());
    content.next_line(MARGIN.into(), (HEIGHT - MARGIN - SIZE).into());
    for line in lines {
        let (face, line) = match line {
            Line::Plain(line) => (0, line),
            Line::Bold(line) => (1, line),
        };
        content.set_font(FACES[face].0, SIZE.into());
        content.show(Str(&latin(line)));
        content.next_line(0.0, (-LEADING).into());
    }
    content.end_text();
    content.begin_text();
    content.set_font(FACES[0].0, SIZE.into());
    content.next_line(MARGIN.into(), (MARGIN - LEADING).into());
    content.show(Str(&latin(footer)));
    content.end_text();
    content.finish().to_vec()
}

/// `WinAnsi`, which agrees with Unicode where both have Western European letters.
fn latin(text: &str) -> Vec<u8> {
    let byte = |c: char| match c {
        '€' => 0x80,
        ' '..='~' | '\u{a0}'..='\u{ff}' => u8::try_from(u32::from(c)).unwrap_or(b'?'),
        _ => b'?',
    };
    text.chars().take(COLUMNS).map(byte).collect()
}

fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(document: &[u8], wanted: &str) -> usize {
        String::from_utf8_lossy(document).matches(wanted).count()
    }

    #[test]
    fn lines_go_on_pages_and_odd_letters_do_no_harm() {
        let lines: Vec<Line> =
            (0..LINES + 1).map(|line| Line::Plain(format!("(line {line}) \\ Ærø €"))).collect();
        let document = document(&lines);
        assert!(document.starts_with(b"%PDF-1."));
        assert_eq!(count(&document, "/Parent 2 0 R"), 2);
        assert_eq!((count(&document, "2 / 2"), count(&document, "line 54")), (1, 1));
        assert_eq!(latin("Zażółć ü"), b"Za??\xf3?? \xfc");
        assert_eq!(latin(&"x".repeat(200)).len(), COLUMNS);
    }

    #[test]
    fn amounts_stand_at_the_right_edge() {
        assert_eq!(apart("Revenue", "78.75").chars().count(), COLUMNS);
        let long = apart(&"é".repeat(100), "1.00");
        assert_eq!(long.chars().count(), COLUMNS);
        assert!(long.ends_with("é 1.00"));
    }
}
