// Renders /openapi.json. Texts go in as text nodes only: nothing of the description is read as HTML.
const at = (id) => document.getElementById(id);

const element = (name, attributes, ...children) => {
  const made = Object.assign(document.createElement(name), attributes);
  made.append(...children.filter((child) => child !== undefined));
  return made;
};

/** Text in which backticks mark what is to be typed. */
const prose = (text) =>
  text.split('`').map((part, index) => (index % 2 === 0 ? part : element('code', {}, part)));

const nameOf = (schema) => schema.$ref.split('/').at(-1);
const between = (separator, parts) =>
  parts.flatMap((part, index) => (index === 0 ? part : [separator, ...part]));

/** The type in words: texts, and links to the schemas it names. */
const typeOf = (schema) => {
  if (schema.$ref) return [element('a', { href: `#schema-${nameOf(schema)}` }, nameOf(schema))];
  if (schema.enum) return [schema.enum.map((choice) => choice ?? 'null').join(' | ')];
  if (schema.type === 'array') return ['list of ', ...typeOf(schema.items ?? {})];
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives) return between(' or ', alternatives.map(typeOf));
  const type = [schema.type ?? 'any JSON'].flat().join(' or ');
  return [schema.format ? `${type} (${schema.format})` : type];
};

/** The properties of an object, or its type where it is none. */
const shape = (schema) => {
  if (!schema.properties) return element('p', {}, ...typeOf(schema));
  const row = ([name, property]) =>
    element(
      'tr',
      {},
      element('td', {}, element('code', {}, name), schema.required?.includes(name) ? ' *' : ''),
      element('td', {}, ...typeOf(property)),
      element('td', {}, ...prose(property.description ?? '')),
    );
  const head = ['property', 'type', ''].map((text) => element('th', {}, text));
  return element('table', {}, element('tr', {}, ...head), ...Object.entries(schema.properties).map(row));
};

const table = (parameters) => {
  if (parameters.length === 0) return undefined;
  const row = ({ name, in: place, required, schema, description }) =>
    element(
      'tr',
      {},
      element('td', {}, element('code', {}, name), required ? ' *' : ''),
      element('td', {}, place),
      element('td', {}, ...typeOf(schema)),
      element('td', {}, ...prose(description ?? '')),
    );
  const head = ['parameter', 'in', 'type', ''].map((text) => element('th', {}, text));
  return element('table', {}, element('tr', {}, ...head), ...parameters.map(row));
};

const body = (operation, schemas) =>
  element(
    'div',
    {},
    ...Object.entries(operation.requestBody?.content ?? {}).flatMap(([type, { schema }]) => [
      element('p', {}, 'Body: ', element('code', {}, type)),
      shape(schema.$ref ? schemas[nameOf(schema)] : schema),
    ]),
  );

const answers = (operation, { responses }) => {
  const row = ([status, response]) => {
    const { description, content = {} } = response.$ref ? responses[nameOf(response)] : response;
    const types = Object.entries(content).map(([type, { schema }]) =>
      /json$/.test(type) ? (schema.properties ? answerOf(schema) : typeOf(schema)) : [type],
    );
    return element(
      'tr',
      {},
      element('td', {}, status === 'default' ? 'else' : status),
      element('td', {}, ...between(' or ', types)),
      element('td', {}, ...prose(description)),
    );
  };
  const head = ['answer', 'type', ''].map((text) => element('th', {}, text));
  const rows = Object.entries(operation.responses).map(row);
  return element('table', {}, element('tr', {}, ...head), ...rows);
};

/** A page or a whole list, as the API has them. */
const answerOf = ({ properties }) => [
  properties.page ? 'page of ' : 'list of ',
  ...typeOf(properties.data.items),
];

const curl = (method, path, operation) => {
  const [type] = Object.keys(operation.requestBody?.content ?? {});
  const data = !type
    ? ''
    : type === 'multipart/form-data'
      ? ' -F file=@plugin.zip'
      : ` -H 'Content-Type: ${type}' -d '{}'`;
  return `curl -X ${method} -H "Authorization: Bearer $KEY"${data} ${location.origin}${path}`;
};

const card = (path, method, operation, components) =>
  element(
    'details',
    { className: operation.deprecated ? 'deprecated' : '' },
    element(
      'summary',
      {},
      element('span', { className: 'method' }, method),
      element('code', { className: 'path' }, path),
      ' ',
      ...prose(operation.summary),
    ),
    operation.description ? element('p', {}, ...prose(operation.description)) : undefined,
    table(operation.parameters),
    body(operation, components.schemas),
    answers(operation, components),
    element('pre', {}, curl(method, path, operation)),
  );

const operationsOf = (description) =>
  Object.entries(description.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );

const renderSchemas = ({ components }) =>
  at('schemas').replaceChildren(
    element('h2', {}, 'schemas'),
    ...Object.entries(components.schemas).map(([name, schema]) =>
      element('section', { id: `schema-${name}` }, element('h3', {}, name), shape(schema)),
    ),
  );

const render = (description) => {
  const wanted = at('find').value.trim().toLowerCase();
  const shown = operationsOf(description).filter(
    ({ path, method, operation }) =>
      (at('older').checked || !operation.deprecated) &&
      `${method} ${path} ${operation.summary}`.toLowerCase().includes(wanted),
  );
  const sections = description.tags.map(({ name }) => [
    name,
    shown.filter(({ operation }) => operation.tags.includes(name)),
  ]);
  const filled = sections.filter(([, operations]) => operations.length > 0);
  at('tags').replaceChildren(
    ...[...filled.map(([name]) => name), 'schemas'].map((name) => element('a', { href: `#${name}` }, name)),
  );
  at('operations').replaceChildren(
    ...filled.flatMap(([name, operations]) => [
      element('h2', { id: name }, name),
      ...operations.map(({ path, method, operation }) =>
        card(path, method, operation, description.components),
      ),
    ]),
  );
};

try {
  const description = await (await fetch('/openapi.json')).json();
  at('about').replaceChildren(...prose(description.info.description));
  at('find').addEventListener('input', () => render(description));
  at('older').addEventListener('change', () => render(description));
  render(description);
  renderSchemas(description);
} catch {
  at('about').textContent = 'The description cannot be read: reload the page.';
}
