package store

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"gorm.io/gorm/schema"

	"stackhook/models"
)

// What the writer inserts past GORM has every column that GORM reads, with the right type.
func TestRowsAreWhatTheModelsSay(t *testing.T) {
	t.Parallel()
	sameColumns(t, runRows, &models.Run{}, models.Run{})
	sameColumns(t, eventRows, &models.Event{}, models.Event{})
	sameColumns(t, deliveryRows, &models.Delivery{}, models.Delivery{})
	sameColumns(t, attemptRows, &models.Attempt{}, models.Attempt{})
}

func sameColumns[T any](t *testing.T, rows table[T], model any, zero T) {
	t.Helper()
	parsed, err := schema.Parse(model, &sync.Map{}, schema.NamingStrategy{})
	if err != nil {
		t.Fatal(err)
	}
	want := slices.Clone(parsed.DBNames)
	have := slices.Clone(rows.columns)
	slices.Sort(want)
	slices.Sort(have)
	if !slices.Equal(have, want) || parsed.Table != rows.name {
		t.Errorf("%s has the columns %v, the model %v", rows.name, have, want)
	}
	values := rows.values(&zero)
	if len(values) != len(rows.columns) || len(rows.types) != len(rows.columns) {
		t.Fatalf("%s has %d columns, %d values and %d types", rows.name, len(rows.columns), len(values), len(rows.types))
	}
	for i, value := range values {
		letters := ""
		switch value.(type) {
		case string:
			letters = "t"
		case int, int64:
			letters = "i"
		case bool:
			letters = "b"
		case []byte:
			letters = "y"
		case nil:
			letters = "ti"
		}
		if !strings.Contains(letters, rows.types[i:i+1]) {
			t.Errorf("column %s of %s is a %T, and its type is %c", rows.columns[i], rows.name, value, rows.types[i])
		}
	}
}
