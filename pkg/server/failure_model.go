package server

const otherVersion = "The installed vLLM does not know this kind of model: use a newer vLLM (and the Transformers it asks for), or an " +
	"older one where support was dropped."

var modelRules = []rule{
	{
		class:      FailureHFAccess,
		exceptions: []string{"GatedRepoError", "LocalEntryNotFoundError", "OfflineModeIsEnabled", "LocalTokenNotFoundError"},
	},
	{
		class: FailureHFAccess,
		says: []string{
			"You are trying to access a gated repo", "Cannot access gated repo", "We couldn't connect to 'http", "offline mode is enabled",
			"outgoing traffic has been disabled", "cannot find the requested files in the local cache",
			"cannot find the requested files in the disk cache", "Invalid user token", "is restricted. You must",
		},
	},
	{class: FailureModelNotFound, exceptions: []string{"RepositoryNotFoundError", "RevisionNotFoundError", "HFValidationError"}},
	{
		class: FailureModelNotFound,
		says: []string{
			"is not a local folder and is not a valid model identifier", "Invalid repository ID or local directory specified",
			"Repo id must be in the form", "Repo id must use alphanumeric", "Incorrect path_or_model_id",
			"does not appear to have a file named config.json", "is not the path to a directory containing a file named config.json",
			"No supported config format found in", "Could not detect config format for no config file found",
			"Can't load the configuration of",
			"is not a valid git identifier",
		},
		exceptions: []string{"", "ValueError", "OSError", "RuntimeError", "EnvironmentError", "ValidationError", "Exception"},
	},
	{
		class: FailureModelNotFound, also: []string{"No such file or directory: '"},
		says: []string{"config.json'", ".safetensors'", ".index.json'", "tokenizer.json'", "params.json'"},
		advise: fixed("The server looked for a file that does not exist: check the path in the line, in server.model or in server.args, and " +
			"whether that folder is mounted on this machine and in the container."),
	},
	{
		class: FailureHFAccess, weak: hint, says: []string{"huggingface.co", "hf.co", "hf-mirror"},
		exceptions: []string{
			"HTTPError", "HTTPStatusError", "HfHubHTTPError", "ConnectionError", "ConnectError", "SSLError", "MaxRetryError",
		},
	},
	{
		class: FailureRemoteCode,
		says: []string{
			"contains custom code which must be executed", "trust_remote_code=True", "trust_remote_code", "--trust-remote-code",
		},
		exceptions: []string{"ValueError", "RuntimeError", "OSError", "ValidationError", "EOFError"},
	},
	{
		// vLLM also says so of a model that it knows, when it could not import the code for it.
		class: FailureUnsupportedModel, weak: likely,
		says: []string{"are not supported for now", "failed to be inspected"}, advise: fixed(otherVersion),
	},
	{
		class: FailureUnsupportedModel,
		says: []string{
			"was supported in vLLM until", "is not supported in-tree anymore",
			"but Transformers does not recognize this architecture", "has no vLLM implementation", "implementation is not compatible with vLLM",
			"should have a `model_type` key in its config.json", "Unrecognized model in",
		},
		advise: fixed(otherVersion),
	},
	{
		class: FailureUnsupportedModel,
		says: []string{
			"Bfloat16 is only supported on GPUs", "does not support float16", "does not support bfloat16",
			"is not supported for quantization method",
		},
		advise: fixed("The device, or the way the model is quantised, cannot compute in this type: set dtype to what the line names " +
			"(half for cards older than compute capability 8.0)."),
	},
	{
		class: FailureUnsupportedModel, says: []string{"Unknown quantization method"},
		advise: fixed("The installed vLLM does not know this quantisation: choose one that the line lists, or leave quantization out, so that " +
			"vLLM takes it from the model."),
	},
	{
		class: FailureUnsupportedModel,
		says: []string{
			"is not supported for the current GPU", "Quantization scheme is not supported", "Unsupported quantization",
			"No valid attention backend", "compute capability below 7.0 are not supported",
		},
		advise: fixed("The device cannot run the model in this quantisation, or not with this attention backend: take a checkpoint quantised " +
			"in a way the line allows, or another device."),
	},
	{
		class: FailureModelFiles, says: []string{"Cannot find any model weights with"},
		advise: fixed("The model's folder has no weights (*.safetensors, *.bin, *.pt): download them, or, for a test without weights, set " +
			"load-format: dummy in server.args."),
	},
	{
		class: FailureModelFiles,
		says: []string{
			"Error while deserializing header", "HeaderTooLarge", "InvalidHeaderDeserialization", "MetadataIncompleteBuffer", "HeaderTooSmall",
			"PytorchStreamReader failed", "invalid load key, 'v'",
			"There is no module or parameter named", "were not initialized from checkpoint",
		},
	},
	{class: FailureModelFiles, exceptions: []string{"SafetensorError"}},
	{
		class: FailureTokenizer,
		says: []string{
			"Can't load tokenizer for", "Couldn't instantiate the backend tokenizer", "does not exist or is not currently imported",
			"data did not match any variant of untagged enum", "Tokenizer class ", "Failed to load the tokenizer",
			"Unable to load vocabulary from file",
		},
		exceptions: []string{"", "ValueError", "OSError", "RuntimeError", "Exception", "ValidationError"},
	},
	{
		class: FailureTokenizer, says: []string{"The supplied chat template", "appears path-like, but doesn't exist"},
		advise: fixed("The file given with chat-template does not exist: correct the path, or leave it out; " +
			"pre-tokenised prompts need no template."),
	},
	{class: FailureTokenizer, exceptions: []string{"TemplateSyntaxError", "TemplateError"}},
}
