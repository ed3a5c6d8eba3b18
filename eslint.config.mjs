import nx from '@nx/eslint-plugin';
import importX from 'eslint-plugin-import-x';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import tseslint from 'typescript-eslint';

const only = (sourceTag, ...onlyDependOnLibsWithTags) => ({ sourceTag, onlyDependOnLibsWithTags });
// Who may import whom: contracts <- libs <- services <- apps; a service never imports another service.
const boundaries = [
  only('type:contracts'),
  only('type:lib', 'type:contracts', 'type:lib', 'type:test'),
  only('scope:sandbox', 'type:contracts', 'type:test'),
  only('scope:capabilities', 'type:contracts', 'type:test'),
  only('scope:bundle', 'type:contracts', 'type:test'),
  only('scope:service-kit', 'type:contracts', 'type:test'),
  only('scope:bus', 'type:contracts', 'scope:service-kit', 'type:test'),
  only('type:test', 'type:contracts', 'type:lib', 'type:test'),
  only('type:service', 'type:contracts', 'type:lib', 'type:test'),
  only('type:app', 'type:contracts', 'type:lib', 'type:service', 'type:package', 'type:test'),
  only('type:package', 'type:contracts', 'scope:bundle', 'scope:sandbox', 'scope:capabilities', 'scope:sdk'),
  only('scope:sdk'),
  only('type:plugin', 'scope:sdk'),
  only('type:bench', 'type:contracts', 'type:lib', 'type:app', 'type:service', 'type:package', 'type:test'),
];

// A library that only one folder may know, so that it can be replaced there.
const walled = [
  { name: 'isolated-vm', message: 'Only libs/sandbox may import isolated-vm.' },
  { name: 'kafkajs', message: 'Only libs/bus/src/kafka may import kafkajs.' },
  { name: 'minio', message: 'Only libs/storage/src/s3 may import minio.' },
];
const testOnly = { name: '@mortise/testing', message: 'Only tests may import @mortise/testing.' };
const imports = (...allowed) => ({
  'no-restricted-imports': [
    'error',
    { paths: [...walled, testOnly].filter(({ name }) => !allowed.includes(name)) },
  ],
});
const env = {
  'no-restricted-properties': [
    'error',
    { object: 'process', property: 'env', message: "Only service-kit's loadEnv reads the environment." },
  ],
};
const tests = ['**/*.{spec,test,contract}.ts', '**/test/**/*.ts'];

export default tseslint.config(
  {
    ignores: [
      '**/dist/**',
      '**/node_modules/**',
      '.nx/**',
      '.cache/**',
      '.mortise/**',
      '.cluster/**',
      '**/templates/**',
      '**/fixtures/**',
    ],
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    plugins: { '@nx': nx, 'import-x': importX },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    settings: { 'import-x/resolver-next': [createTypeScriptImportResolver({ project: 'tsconfig.json' })] },
    rules: {
      '@nx/enforce-module-boundaries': [
        'error',
        {
          enforceBuildableLibDependency: false,
          allow: [],
          depConstraints: boundaries,
          banTransitiveDependencies: false,
        },
      ],
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false } }],
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      'max-lines': ['error', { max: 500, skipComments: true, skipBlankLines: true }],
      ...imports(),
      ...env,
    },
  },
  { files: ['libs/sandbox/**/*.ts'], rules: imports('isolated-vm') },
  { files: ['libs/bus/src/kafka/**/*.ts'], rules: imports('kafkajs') },
  { files: ['libs/storage/src/s3/**/*.ts'], rules: imports('minio') },
  { files: ['libs/service-kit/src/**/*.ts'], rules: { 'no-restricted-properties': 'off' } },
  {
    files: tests,
    rules: {
      ...imports('@mortise/testing', 'kafkajs', 'minio'),
      'no-restricted-properties': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  // What runs tests, benchmarks and clusters drives real servers and reads flags of the person who starts it.
  {
    files: ['libs/testing/**/*.ts', 'bench/**/*.ts', 'tools/**/*.ts'],
    rules: { ...imports('@mortise/testing', 'kafkajs', 'minio'), 'no-restricted-properties': 'off' },
  },
);
