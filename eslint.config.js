// Rules that keep promises: floating promises and non-exhaustive switches are exactly this project's bugs.
import eslint from '@eslint/js';
import tseslint from 'typescript-eslint';

const CLOCK =
  'Time, timers and randomness come from the environment: take a Clock, Timers or Random from src/base/ instead.';

/** Globals and modules that only named rooms may touch; each message says what to use instead. */
const restrictedGlobals = [
  ...['setTimeout', 'setInterval', 'setImmediate', 'performance'].map((name) => ({
    name,
    message: CLOCK,
  })),
];
const restrictedSyntax = [
  {selector: "MemberExpression[object.name='Date'][property.name='now']", message: CLOCK},
  {selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: CLOCK},
  {selector: "MemberExpression[object.name='Math'][property.name='random']", message: CLOCK},
];
const onlyNewFunctionInCodegen = {
  selector:
    "NewExpression[callee.name='Function'], CallExpression[callee.name=/^(Function|eval)$/]",
  message: 'Program text is built and compiled only in src/codegen/.',
};

export default tseslint.config(
  {ignores: ['dist/', 'node_modules/', 'coverage/', '.scratch/']},
  eslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: {parserOptions: {projectService: true, tsconfigRootDir: import.meta.dirname}},
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        {considerDefaultExhaustiveForUnions: true},
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/prefer-readonly': 'error',
      '@typescript-eslint/promise-function-async': 'error',
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        {allowNumber: true, allowBoolean: true},
      ],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        {ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true},
      ],
      '@typescript-eslint/no-unnecessary-condition': ['error', {allowConstantLoopConditions: true}],
      '@typescript-eslint/no-unused-vars': [
        'error',
        {argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'all'},
      ],
      eqeqeq: 'error',
      'no-console': 'error',
      'max-lines': ['error', {max: 400, skipBlankLines: true, skipComments: true}],
      'max-lines-per-function': ['error', {max: 70, skipBlankLines: true, skipComments: true}],
      'max-depth': ['error', 4],
      complexity: ['error', 16],
      'no-restricted-globals': ['error', ...restrictedGlobals],
      'no-restricted-syntax': ['error', ...restrictedSyntax, onlyNewFunctionInCodegen],
    },
    linterOptions: {reportUnusedDisableDirectives: 'error'},
  },
  {
    // base/ is where the real clock, timers and randomness are wrapped.
    files: ['src/base/**/*.ts'],
    rules: {
      'no-restricted-globals': 'off',
      'no-restricted-syntax': ['error', onlyNewFunctionInCodegen],
    },
  },
  {
    files: ['src/codegen/**/*.ts'],
    rules: {
      'no-restricted-syntax': ['error', ...restrictedSyntax],
      '@typescript-eslint/no-implied-eval': 'off',
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      'max-lines-per-function': 'off',
      'no-restricted-globals': 'off',
      'no-restricted-syntax': 'off',
      '@typescript-eslint/explicit-module-boundary-types': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {
    files: ['**/*.js'],
    languageOptions: {
      globals: Object.fromEntries(
        [
          'process',
          'console',
          'URL',
          'Buffer',
          'performance',
          'setInterval',
          'clearInterval',
          'setImmediate',
        ].map((name) => [name, 'readonly']),
      ),
    },
  },
);
