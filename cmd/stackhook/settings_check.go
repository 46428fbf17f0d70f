package main

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"stackhook/models"
)

// problems collects what is wrong with the settings.
type problems []string

func (p *problems) add(format string, args ...any) { *p = append(*p, fmt.Sprintf(format, args...)) }

func (p *problems) addError(err error) {
	if err != nil {
		p.add("%s", oneLine(err))
	}
}

func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return errors.New(strings.Join(p, "; "))
}

// unlessEmpty reads a setting whose default depends on others: empty is 0, which stands for it.
func unlessEmpty[T any](text, name string, read func(name, text string) T) (value T) {
	if strings.TrimSpace(text) == "" {
		return value
	}
	return read(name, text)
}

// duration reads a time such as 90s. The longest that fits is 292 years; longer ones are refused by the parser.
func (p *problems) duration(name, text string) time.Duration {
	d, err := time.ParseDuration(strings.TrimSpace(text))
	if err != nil || d <= 0 {
		p.add("%s is %q: it must be a time above 0 with its unit, such as 10s, 2m or 72h", name, text)
		return 0
	}
	return d
}

func (p *problems) durations(name, list string) []time.Duration {
	var ds []time.Duration
	for part := range strings.SplitSeq(list, ",") {
		ds = append(ds, p.duration(name, part))
	}
	return ds
}

// maxCount bounds the numbers of requests at once: beyond it the machine's file descriptors are the limit.
const maxCount = 65535

func (p *problems) count(name, text string) int {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil || n < 1 || n > maxCount {
		p.add("%s is %q: it must be a number from 1 to %d", name, text, maxCount)
	}
	return n
}

func (p *problems) networks(name, list string) []netip.Prefix {
	var prefixes []netip.Prefix
	for part := range strings.SplitSeq(list, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		prefix, err := netip.ParsePrefix(part)
		if err != nil {
			p.add("%s holds %q: it must list networks such as 10.0.0.0/8 or fd00::/8", name, part)
			continue
		}
		prefixes = append(prefixes, prefix.Masked())
	}
	return prefixes
}

func (p *problems) choice(name, text string, choices ...string) string {
	text = strings.ToLower(strings.TrimSpace(text))
	if !slices.Contains(choices, text) {
		p.add("%s is %q: it must be %s or %s", name, text, strings.Join(choices[:len(choices)-1], ", "), choices[len(choices)-1])
	}
	return text
}

// account checks what every payload carries and receivers compare with.
func (p *problems) account(name, text string) {
	if strings.TrimSpace(text) == "" || len(text) > models.MaxStackName || strings.ContainsFunc(text, unicode.IsControl) {
		p.add("%s is %q: it must be a name of at most %d bytes without control characters", name, text, models.MaxStackName)
	}
}

// administrator checks the first administrator. Messages never hold the password.
func (p *problems) administrator(admin models.User, password string) {
	if admin.Email == "" && password == "" {
		return
	}
	if admin.Email == "" || password == "" {
		p.add("STACKHOOK_ADMIN_EMAIL and STACKHOOK_ADMIN_PASSWORD belong together: set both or none")
		return
	}
	for _, err := range []error{admin.Check(), models.CheckPassword(password)} {
		var invalid models.Invalid
		if errors.As(err, &invalid) {
			for _, field := range invalid {
				p.add("STACKHOOK_ADMIN_%s: %s", strings.ToUpper(field.Field), strings.TrimSuffix(field.Message, "."))
			}
		}
	}
}
