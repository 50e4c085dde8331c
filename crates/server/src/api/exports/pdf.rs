//! Pages of text: A4, a typewriter face, so that columns stand under each other without measuring. What is
//! bold is drawn with a line around its letters, so that one weight of the face is enough.

use pdf_writer::types::TextRenderingMode;
use pdf_writer::{Content, Finish, Name, Pdf, Rect, Ref, Str};

use super::letters::{Letters, composed};

const WIDTH: i16 = 595;
const HEIGHT: i16 = 842;
const MARGIN: i16 = 50;
const LEADING: i16 = 13;
const SIZE: i16 = 9;
/// Lines of a page; the last one above the margin is the page's number.
const LINES: usize = 54;
/// Characters of a line.
pub(super) const COLUMNS: usize = 91;
/// The face's name on every page.
const FACE: Name<'static> = Name(b"F0");
/// Around bold letters, in points.
const STROKE: f32 = 0.35;

/// A line of text.
pub(super) enum Line {
    Bold(String),
    Plain(String),
}

impl Line {
    pub(super) fn text(&self) -> &str {
        let (Line::Bold(text) | Line::Plain(text)) = self;
        text
    }
}

/// What stands left and what right on one line.
pub(super) fn apart(left: &str, right: &str) -> String {
    let width = COLUMNS.saturating_sub(right.chars().count() + 1);
    let left: String = composed(left).chars().take(width).collect();
    format!("{left:<width$} {right}")
}

/// The document, with numbered pages.
pub(super) fn document(lines: &[Line]) -> Vec<u8> {
    let mut pdf = Pdf::new();
    let (catalog, tree, font) = (Ref::new(1), Ref::new(2), Ref::new(3));
    let pages: Vec<&[Line]> = if lines.is_empty() { vec![&[]] } else { lines.chunks(LINES).collect() };
    let footers: Vec<String> =
        (1..=pages.len()).map(|page| apart("", &format!("{page} / {}", pages.len()))).collect();
    let letters = Letters::of(lines.iter().map(Line::text).chain(footers.iter().map(String::as_str)));
    let mut next = Ref::new(4);
    let ids: Vec<(Ref, Ref)> = pages.iter().map(|_| (next.bump(), next.bump())).collect();
    pdf.catalog(catalog).pages(tree);
    pdf.pages(tree).kids(ids.iter().map(|(page, _)| *page)).count(number(pages.len()));
    letters.write(&mut pdf, font, &mut next);
    for ((lines, footer), (id, content)) in pages.iter().zip(&footers).zip(&ids) {
        let mut page = pdf.page(*id);
        page.media_box(Rect::new(0.0, 0.0, WIDTH.into(), HEIGHT.into()));
        page.parent(tree);
        page.contents(*content);
        page.resources().fonts().pair(FACE, font);
        page.finish();
        pdf.stream(*content, &text(&letters, lines, footer));
    }
    pdf.finish()
}

fn text(letters: &Letters, lines: &[Line], footer: &str) -> Vec<u8> {
    let shown = |text: &str| letters.encoded(&text.chars().take(COLUMNS).collect::<String>());
    let mut content = Content::new();
    content.set_line_width(STROKE);
    content.begin_text();
    content.set_font(FACE, SIZE.into());
    content.set_leading(LEADING.into());
    content.next_line(MARGIN.into(), (HEIGHT - MARGIN - SIZE).into());
    for line in lines {
        content.set_text_rendering_mode(match line {
            Line::Plain(_) => TextRenderingMode::Fill,
            Line::Bold(_) => TextRenderingMode::FillStroke,
        });
        content.show(Str(&shown(line.text())));
        content.next_line(0.0, (-LEADING).into());
    }
    content.end_text();
    content.begin_text();
    content.set_text_rendering_mode(TextRenderingMode::Fill);
    content.next_line(MARGIN.into(), (MARGIN - LEADING).into());
    content.show(Str(&shown(footer)));
    content.end_text();
    content.finish().to_vec()
}

fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_on_pages() {
        let mut lines: Vec<Line> = (0..LINES).map(|line| Line::Plain(format!("(line {line}) \\"))).collect();
        lines.push(Line::Bold("the last line".into()));
        let document = document(&lines);
        assert!(document.starts_with(b"%PDF-1."));
        assert_eq!(String::from_utf8_lossy(&document).matches("/Parent 2 0 R").count(), 2);
        assert!(document.len() < 60_000, "only what is shown of the face: {}", document.len());
    }

    #[test]
    fn amounts_stand_at_the_right_edge() {
        assert_eq!(apart("Revenue", "78.75").chars().count(), COLUMNS);
        for long in ["é", "e\u{301}"] {
            let long = apart(&long.repeat(100), "1.00");
            assert_eq!(long.chars().count(), COLUMNS);
            assert!(long.ends_with("é 1.00"));
        }
    }
}
