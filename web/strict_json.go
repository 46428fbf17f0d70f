package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep a report may nest. Ours nest twice; a body of a million brackets is an attack.
const maxDepth = 16

// checkJSON refuses what encoding/json lets pass: text that is not UTF-8, keys that are repeated or differ only in letter
// case, and anything after the value. Its errors never hold what was sent, but for the name of a repeated key.
func checkJSON(text []byte) error {
	if !utf8.Valid(text) {
		return errors.New("the JSON is not valid UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	if err := checkValue(d, 0); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows the JSON value")
	}
	return nil
}

func checkValue(d *json.Decoder, depth int) error {
	token, err := d.Token()
	if err != nil {
		return broken(d)
	}
	bracket, is := token.(json.Delim)
	if !is {
		return nil
	}
	if depth == maxDepth {
		return fmt.Errorf("the JSON nests more than %d deep", maxDepth)
	}
	seen := map[string]bool{}
	for d.More() {
		if bracket == '{' {
			if err := checkKey(d, seen); err != nil {
				return err
			}
		}
		if err := checkValue(d, depth+1); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return broken(d)
	}
	return nil
}

func checkKey(d *json.Decoder, seen map[string]bool) error {
	token, err := d.Token()
	key, is := token.(string)
	if err != nil || !is {
		return broken(d)
	}
	if folded := strings.ToLower(key); seen[folded] {
		return fmt.Errorf("the key %.40q is there twice", key)
	} else {
		seen[folded] = true
	}
	return nil
}

func broken(d *json.Decoder) error {
	return fmt.Errorf("this is not JSON from byte %d on", d.InputOffset())
}
