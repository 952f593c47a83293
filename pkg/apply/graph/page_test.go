package graph

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPageInBrowser looks at the page in a real browser, with real keys.
func TestPageInBrowser(t *testing.T) {
	b := openBrowser(t)
	t.Run("small", func(t *testing.T) { b.t = t; smallPage(b) })
	t.Run("sixty clusters", func(t *testing.T) { b.t = t; largePage(b) })
	t.Run("light and dark", func(t *testing.T) { b.t = t; schemes(b) })
	t.Run("hostile names", func(t *testing.T) { b.t = t; hostilePages(b) })
	t.Run("the picture alone", func(t *testing.T) {
		b.t = t
		b.show("mesh.svg", written(t, "svg", examples(t)["mixed-broken"]))
		if got := ask[string](b, "document.documentElement.tagName"); got != "svg" {
			t.Errorf("the browser shows a %s", got)
		}
	})
	b.t = t
	if len(b.Noise) > 0 {
		t.Errorf("the page complained: %q", b.Noise)
	}
}

// shown are the clusters of the table that are not hidden.
const shown = `Array.from(document.querySelectorAll("#clusters tbody tr")).filter(r => r.offsetParent !== null).map(r => r.cells[0].textContent)`

// want asks the page.
func want[T any](b *browser, expression string, want T) {
	b.t.Helper()
	if diff := cmp.Diff(want, ask[T](b, expression)); diff != "" {
		b.t.Errorf("%s (-want +got):\n%s", expression, diff)
	}
}

func smallPage(b *browser) {
	b.show("mesh.html", written(b.t, "html", examples(b.t)["mixed-broken"]))
	everybody := []string{"east-1", "east-2", "north-1", "west-1", "west-2", "old-1"}
	want(b, shown, everybody)
	want(b, `document.getElementById("controls").offsetParent !== null`, true)

	// Search by keyboard.
	b.press("/")
	want(b, `document.activeElement.id`, "search")
	b.call("Input.insertText", map[string]any{"text": "WEST remote"}, nil)
	want(b, shown, []string{"west-2"})
	want(b, `document.getElementById("shown").textContent`, "1 of 6 clusters shown")
	want(b, `document.querySelectorAll(".drawing .cluster.dim").length`, 5)
	b.press("Escape")
	want(b, shown, everybody)

	// Choose a cluster of the drawing by keyboard.
	const onCluster = `document.activeElement.getAttribute("data-cluster") === "1" && document.activeElement.classList.contains("cluster")`
	for n := 0; !ask[bool](b, onCluster); n++ {
		if n > 20 {
			b.t.Fatal("Tab does not lead to the second cluster of the drawing")
		}
		b.press("Tab")
	}
	want(b, `document.activeElement.getAttribute("aria-label")`, "✓ east-2, primary, Istio 1.31.0, ✓ gateway 203.0.113.2:15443")
	b.press("Enter")
	want(b, `document.activeElement.id`, "detail-name")
	want(b, `document.getElementById("detail").offsetParent !== null`, true)
	want(b, `location.hash`, "#cluster=east-2")
	want(b, `Array.from(document.querySelectorAll("#detail-list dd"), e => e.textContent).filter(s => s.startsWith("✕"))`,
		[]string{"✕ west-1: token refused", "✕ old-1: still known to istiod-1", "✕ north-1: webhook not reached"})
	want(b, `Array.from(document.querySelectorAll("#problems li")).filter(p => !p.hidden).length`, 2)
	b.press("Escape")
	want(b, `document.getElementById("detail").hidden`, true)
}

func largePage(b *browser) {
	b.show("sixty.html", written(b.t, "html", examples(b.t)["sixty-broken"]))
	want(b, shown+`.length`, 60)

	// One cluster: its lines are drawn, all of them.
	want(b, `(() => { const f = document.getElementById("focus"); f.value = "3"; f.dispatchEvent(new Event("change")); return f.value })()`, "3")
	want(b, `document.querySelectorAll(".drawing .lines .extra").length`, 58+53)
	want(b, `document.querySelectorAll(".drawing .lines .extra.broken").length`, 1)
	want(b, `location.hash`, "#cluster=cluster-03")

	// Only what is not ok, and a search in that.
	b.press("Escape")
	want(b, `document.querySelectorAll(".drawing .lines .extra").length`, 0)
	b.press("/")
	b.call("Input.insertText", map[string]any{"text": "network-3"}, nil)
	want(b, shown+`.length`, 10)
	want(b, `Array.from(document.querySelectorAll("#matrix tbody tr")).filter(r => !r.hidden).length`, 8) // two of the ten are remote
	want(b, `document.getElementById("troubled").click()`, any(nil))
	want(b, `Array.from(document.querySelectorAll("#matrix thead th")).filter(h => !h.hidden).map(h => h.textContent)`, []string{"cluster-12", "cluster-40"})

	// The page is as wide as its window: what is wider scrolls by itself.
	for _, width := range []int{1280, 400} {
		b.size(width, 900)
		want(b, `document.documentElement.scrollWidth <= window.innerWidth`, true)
	}
	b.size(1280, 900)
}

// contrast of the text of what a selector finds with what is behind it:
// https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio
const contrast = `(selector => {
  const parse = s => s.match(/[\d.]+/g).map(Number);
  const light = s => parse(s).slice(0, 3).map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4).reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const e = document.querySelector(selector);
  let back = e;
  while (/^rgba\(.*, 0\)$/.test(getComputedStyle(back).backgroundColor)) back = back.parentElement;
  const [a, b] = [light(getComputedStyle(e)[e.namespaceURI.endsWith("svg") ? "fill" : "color"]), light(getComputedStyle(back).backgroundColor)];
  return (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
})`

func schemes(b *browser) {
	b.show("mesh.html", written(b.t, "html", examples(b.t)["mixed-broken"]))
	seen := map[string]color.Gray{}
	for _, s := range []string{"light", "dark"} {
		b.scheme(s)
		for _, selector := range []string{"h1", "p", "#problems li", "#problems li.unknown", "td.broken", "td.unknown", "#matrix td.ok", "#clusters a", "#keys", ".drawing .name", ".drawing .role", ".drawing .label.broken", ".drawing .label.unknown"} {
			if got := ask[float64](b, contrast+`("`+selector+`")`); got < 4.5 {
				b.t.Errorf("in %s, the contrast of %s is %.2f, and less than 4.5", s, selector, got)
			}
		}
		picture, err := png.Decode(bytes.NewReader(b.picture()))
		if err != nil {
			b.t.Fatal(err)
		}
		if n := colours(picture); n < 8 {
			b.t.Errorf("in %s, there are %d colours in the picture", s, n)
		}
		seen[s] = color.GrayModel.Convert(picture.At(2, 2)).(color.Gray)
	}
	if seen["light"].Y < 200 || seen["dark"].Y > 60 {
		b.t.Errorf("the background is %v", seen)
	}
	b.scheme("light")
}

func colours(p image.Image) int {
	seen := map[color.Color]bool{}
	for y := p.Bounds().Min.Y; y < p.Bounds().Max.Y; y++ {
		for x := p.Bounds().Min.X; x < p.Bounds().Max.X; x++ {
			seen[p.At(x, y)] = true
		}
	}
	return len(seen)
}

// hostilePages show names as they are, and do not do what they say.
func hostilePages(b *browser) {
	for _, s := range hostile {
		b.show("hostile.html", written(b.t, "html", named(s)))
		want(b, `document.images.length + document.scripts.length`, 2)
		want(b, `document.querySelector("#clusters tbody a").textContent`, printable("a"+s))
		want(b, `document.querySelector("#clusters tbody a").click()`, any(nil))
		want(b, `document.getElementById("detail").hidden`, false)
	}
}
