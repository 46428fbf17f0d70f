package models

import (
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of what a person or a pipeline may write. Beyond them a clear message, never silent truncation.
const (
	MaxStackID          = 63   // as in a DNS label, so that an id fits into host names and file names
	MaxStackName        = 100  // characters
	MaxStackDescription = 1000 // characters
	MaxLabels           = 64
	MaxLabel            = 50 // characters
)

// Stack is one Terraform or OpenTofu project: the thing that has runs and webhooks.
type Stack struct {
	// Key is the internal identity. Grants, tokens and everything else hang on it, so that a new stack with the id of a
	// deleted one inherits nothing.
	Key         int64  `gorm:"primaryKey;autoIncrement"`
	ID          string // the slug in URLs and payloads; unique among stacks that are not deleted
	Name        string
	Description string
	Labels      []string  `gorm:"serializer:json"`
	CreatedAt   time.Time `gorm:"serializer:micros;autoCreateTime:false"`
	DeletedAt   time.Time `gorm:"serializer:micros"`
}

var stackID = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// Check returns what is wrong with the stack as typed. It normalises nothing but labels, see ParseLabels.
func (s Stack) Check() error {
	var bad Invalid
	switch {
	case s.ID == "":
		bad.Add("id", "Enter an id, for example “networking-prod”.")
	case s.ID == "new":
		bad.Add("id", "“new” is the address of the page that makes a stack. Choose another id.")
	case !stackID.MatchString(s.ID):
		bad.Add("id", "Use 1 to %d lower-case letters, digits and hyphens, starting with a letter or a digit.", MaxStackID)
	}
	checkText(&bad, "name", s.Name, 1, MaxStackName)
	checkText(&bad, "description", s.Description, 0, MaxStackDescription)
	if len(s.Labels) > MaxLabels {
		bad.Add("labels", "Use at most %d labels; these are %d.", MaxLabels, len(s.Labels))
	}
	for _, l := range s.Labels {
		if !utf8.ValidString(l) || hasControl(l) {
			bad.Add("labels", "Labels are text without line breaks or control characters.")
			break
		}
		if utf8.RuneCountInString(l) > MaxLabel {
			bad.Add("labels", "Each label has at most %d characters.", MaxLabel)
			break
		}
	}
	return bad.Err()
}

// ParseLabels reads a comma-separated list: blanks around labels, empty ones and repeats are dropped, order is kept.
func ParseLabels(text string) []string {
	labels := []string{}
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSpace(part)
		if part != "" && !slices.Contains(labels, part) {
			labels = append(labels, part)
		}
	}
	return labels
}

var notSlug = regexp.MustCompile(`[^a-z0-9]+`)

// Slug makes a stack id out of a name; "" if the name has no letter or digit of the ASCII range.
func Slug(name string) string {
	slug := strings.Trim(notSlug.ReplaceAllString(strings.ToLower(name), "-"), "-")
	if len(slug) > MaxStackID {
		slug = strings.TrimRight(slug[:MaxStackID], "-")
	}
	return slug
}

func checkText(bad *Invalid, field, text string, least, most int) {
	n := utf8.RuneCountInString(text)
	switch {
	case !utf8.ValidString(text):
		bad.Add(field, "This is not valid UTF-8 text.")
	case hasControl(text):
		bad.Add(field, "Leave out line breaks and control characters.")
	case n < least || least > 0 && strings.TrimSpace(text) == "":
		bad.Add(field, "Enter a %s.", field)
	case n > most:
		bad.Add(field, "Use at most %d characters; these are %d.", most, n)
	}
}
