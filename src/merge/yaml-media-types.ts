/** Media types of YAML: the registered one (RFC 9512), and older ones. */
export const yamlMediaTypes = ['application/yaml', 'application/x-yaml', 'text/yaml', 'text/x-yaml'] as const
