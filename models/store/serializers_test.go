package store

import (
	"encoding/json"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"stackhook/models"
)

// Header lines are kept as what encoding/json reads.
func TestHeadersAreKeptAsJSON(t *testing.T) {
	t.Parallel()
	bytes := rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")) })
	text := rapid.OneOf(rapid.StringMatching(`[ -~]*`), bytes)
	rapid.Check(t, func(t *rapid.T) {
		headers := []models.Header{}
		for range rapid.IntRange(0, 3).Draw(t, "headers") {
			headers = append(headers, models.Header{Name: text.Draw(t, "name"), Value: text.Draw(t, "value")})
		}
		var kept []models.Header
		if err := json.Unmarshal([]byte(headersText(headers).(string)), &kept); err != nil {
			t.Fatalf("%s: %v", headersText(headers), err)
		}
		for i, h := range kept {
			kept[i] = models.Header{Name: asBytes(h.Name), Value: asBytes(h.Value)}
		}
		if !slices.Equal(kept, headers) {
			t.Errorf("%+v is kept as %s", headers, headersText(headers))
		}
	})
}
