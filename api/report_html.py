"""The pages around a printed report: the patient's link and the check of a code. Large print, no script, no illness."""

from collections.abc import Sequence
from html import escape

from runtime.content.reports import ReportDocument

_STYLE = (
    "html{font-size:20px}body{font:1.2rem/1.5 system-ui,'Noto Sans CJK SC','PingFang SC','Microsoft YaHei',"
    "sans-serif;margin:0 auto;max-width:40rem;padding:1rem;color:#111;background:#fff}h1{font-size:1rem;"
    "font-weight:600;color:#444}h2{font-size:1.3rem;margin:.6rem 0}select{font:inherit;padding:.6rem;"
    "min-width:5rem;border:2px solid #888;border-radius:.6rem}button,a.button{display:block;text-align:center;"
    "text-decoration:none;font:inherit;font-weight:600;padding:.8rem 1.6rem;border:0;border-radius:.6rem;"
    "background:#0b5394;color:#fff;margin:1rem 0;width:100%;box-sizing:border-box}.fault{border-left:.4rem solid "
    "#b00020;padding:.3rem .8rem;color:#b00020;font-weight:600}.good{border-left:.4rem solid #14662b;padding:.3rem "
    ".8rem;color:#14662b;font-weight:700}.small{font-size:1rem;color:#444}dt{color:#444;font-size:1rem}"
    "dd{margin:0 0 .6rem;font-weight:600}a{color:#0b5394}"
)


class ReportPages:
    """The pages in one language."""

    def __init__(self, words: ReportDocument, language: str, hospital: str, number: str) -> None:
        self._words = words
        self._language = language
        self._hospital = hospital or self.word("hospital_unnamed")
        self._number = number

    def word(self, key: str, **values: object) -> str:
        """One text, fit for HTML."""
        return escape(self._words.label(key, self._language, **values), quote=True)

    def checked(self, verdict: str, facts: Sequence[tuple[str, str]], remarks: Sequence[str], *, good: bool) -> str:
        """What a code is worth: the verdict, what stands on the document, what has happened since."""
        rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
        more = "".join(f"<p>{escape(remark)}</p>" for remark in remarks)
        kind = "good" if good else "fault"
        return self._page(
            "check_title", f"<p class={kind} role=status>{escape(verdict)}</p><dl>{rows}</dl>{more}{self._telephone()}"
        )

    def _telephone(self) -> str:
        if not self._number:
            return ""
        number = escape(self._number, quote=True)
        return f"<p><a href='tel:{number}'>{self.word('hospital_phone', number=self._number)}</a></p>"

    def _page(self, title: str, body: str, *, head: str = "") -> str:
        lang = "zh-CN" if self._language == "zh" else "en"
        return (
            f"<!doctype html><html lang={lang}><head><meta charset=utf-8>"
            "<meta name=viewport content='width=device-width,initial-scale=1'><meta name=robots content=noindex>"
            f"{head}<title>{self.word(title)}</title><style>{_STYLE}</style></head><body>"
            f"<h1>{escape(self._hospital)}</h1><main>{body}</main></body></html>"
        )
