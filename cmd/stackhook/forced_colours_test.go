package main

import (
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// visibleInForcedColours finds what cannot be seen where the system gives all colours: a control without a ring while it has the
// focus, and what is drawn in no colour but the ground's, or in one that the page's own theme gave it and that is hardly
// another than the ground's.
const visibleInForcedColours = `(() => {
	const probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
	const light = (colour) => {
		probe.clearRect(0, 0, 1, 1);
		probe.fillStyle = colour;
		probe.fillRect(0, 0, 1, 1);
		const [r, g, b] = [...probe.getImageData(0, 0, 1, 1).data].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const ground = document.body.appendChild(document.createElement("i"));
	ground.style.color = "Canvas";
	const canvas = light(getComputedStyle(ground).color);
	ground.remove();
	const contrast = (colour) => {
		const l = light(colour);
		return (Math.max(l, canvas) + 0.05) / (Math.min(l, canvas) + 0.05);
	};
	const named = (e) => e.outerHTML.slice(0, 120);
	const seen = (e) => e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) && e.getClientRects().length > 0;
	const wrong = [];
	for (const e of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")) {
		if (!seen(e)) continue;
		e.focus({ focusVisible: true });
		const style = getComputedStyle(e);
		if (document.activeElement === e && (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2)) wrong.push("no ring: " + named(e));
		e.blur();
	}
	for (const e of document.querySelectorAll("svg :is(rect, circle, path, line, polyline, text), .icon use")) {
		if (!seen(e.closest("svg"))) continue;
		const style = getComputedStyle(e), icon = e.closest(".icon");
		// What an icon's strokes are said to be is the colour before it was forced; the icon's own is right.
		const colours = icon ? [getComputedStyle(icon).color] : [style.fill, style.stroke].filter((c) => c !== "none");
		if (colours.length > 0 && !colours.some((c) => contrast(c) >= 3)) wrong.push("unseen, " + colours + ": " + named(e));
	}
	return wrong;
})()`

// checkForcedColours looks at one page in a dark palette of the system, in both themes of ours.
func checkForcedColours(p page, path string) {
	p.Helper()
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: "dark"}, {Name: "forced-colors", Value: "active"}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}}
	p.do(chromedp.EmulateViewport(1280, 900), call(emulation.SetEmulatedMedia, media), chromedp.Navigate(p.base+path))
	for _, theme := range []string{"dark", "light"} {
		value[string](p, `document.documentElement.dataset.theme = "`+theme+`"`)
		for _, fault := range value[[]string](p, visibleInForcedColours) {
			p.Errorf("%s in forced colours, theme %s: %s", path, theme, fault)
		}
	}
}
