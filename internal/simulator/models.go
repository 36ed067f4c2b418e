package simulator

import (
	"net/http"
	"time"
)

// The body of GET /v1/models.
type (
	modelList struct {
		Object string      `json:"object"`
		Data   []modelCard `json:"data"`
	}
	modelCard struct {
		ID         string            `json:"id"`
		Object     string            `json:"object"`
		Created    int64             `json:"created"`
		OwnedBy    string            `json:"owned_by"`
		Root       string            `json:"root"`
		Parent     *string           `json:"parent"`
		MaxLen     *int              `json:"max_model_len"`
		Permission []modelPermission `json:"permission"`
	}
	modelPermission struct {
		ID            string  `json:"id"`
		Object        string  `json:"object"`
		Created       int64   `json:"created"`
		CreateEngine  bool    `json:"allow_create_engine"`
		Sampling      bool    `json:"allow_sampling"`
		Logprobs      bool    `json:"allow_logprobs"`
		SearchIndices bool    `json:"allow_search_indices"`
		View          bool    `json:"allow_view"`
		FineTuning    bool    `json:"allow_fine_tuning"`
		Organization  string  `json:"organization"`
		Group         *string `json:"group"`
		Blocking      bool    `json:"is_blocking"`
	}
)

// serveModels lists the served names, then the adapters with the model they belong to.
func (s *server) serveModels(w http.ResponseWriter, _ *http.Request) {
	list := modelList{Object: "list"}
	for _, name := range s.options.servedNames {
		card := newModelCard(name, s.options.model)
		card.MaxLen = &s.options.maxModelLen
		list.Data = append(list.Data, card)
	}
	for _, a := range s.options.adapters {
		card := newModelCard(a.Name, a.Path)
		card.Parent = &s.options.servedNames[0]
		if a.Base != "" {
			card.Parent = &a.Base
		}
		list.Data = append(list.Data, card)
	}
	writeJSON(w, http.StatusOK, encodeJSON(list))
}

func newModelCard(name, root string) modelCard {
	now := time.Now().Unix()
	return modelCard{
		ID: name, Object: "model", Created: now, OwnedBy: "vllm", Root: root,
		Permission: []modelPermission{{
			ID: "modelperm-" + randomID(), Object: "model_permission", Created: now,
			Sampling: true, Logprobs: true, View: true, Organization: "*",
		}},
	}
}
